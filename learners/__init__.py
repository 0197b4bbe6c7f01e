"""Optimisation: generic, never names an algorithm."""

"""Runs, in one process or over Ray."""

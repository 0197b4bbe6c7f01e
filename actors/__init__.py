"""Interaction with environments."""

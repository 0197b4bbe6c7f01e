"""Checked plans of runs, from the names and settings of experiments."""

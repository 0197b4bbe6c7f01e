"""Algorithms: a folder per paper, formulas in ops, networks in nets."""

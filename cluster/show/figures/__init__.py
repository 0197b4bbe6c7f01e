"""Figures and tables of the papers, drawn from finished runs: a module for each."""

"""Figures and tables of the papers, drawn of finished runs: a module for each."""

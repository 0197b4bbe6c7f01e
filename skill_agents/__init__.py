"""Algorithms: a folder per paper, sac and reinforce for all papers, formulas, networks."""

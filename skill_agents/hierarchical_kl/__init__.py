"""Hierarchical KL-regularised RL (Tirumala et al.)."""

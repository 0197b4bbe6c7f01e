"""Soft actor-critic (Haarnoja et al.), for one task."""

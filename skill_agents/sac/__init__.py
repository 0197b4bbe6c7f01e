"""Soft actor-critic (Haarnoja et al.), stacked over tasks, and parts that papers build on."""

"""Bodies in a walled arena or a corridor: the tasks of hierarchical KL."""

"""Skills learned by reinforcement: one import name for the folders beside this one."""

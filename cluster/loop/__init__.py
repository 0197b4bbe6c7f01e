"""A run's driver, what it shows, and the loop of a run in one process."""

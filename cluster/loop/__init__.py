"""A run's driver, its console, progress and metrics, and the loop of a run in one process."""

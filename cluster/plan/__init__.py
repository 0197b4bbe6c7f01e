"""From an experiment's name and settings to a checked plan of the run."""

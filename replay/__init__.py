"""Data between actors and learners."""

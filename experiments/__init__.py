"""Experiments: every figure of a paper as a named preset."""

"""Environments, each a gymnasium.Env registered as skill/NAME."""

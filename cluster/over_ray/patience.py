"""How long a component may take over one call before it is taken for hung."""

HUNG_SECONDS = 300.0
"""A call that takes this long is given up and its process replaced."""

"""How long a component may take over one call before it is taken for hung."""

HUNG_SECONDS = 300.0
"""A call that takes this long is given up and its process replaced."""
STALLED_SECONDS = 2 * HUNG_SECONDS
"""A run that stands still for this long says on what: hung processes are replaced by then."""
GIVE_UP_SECONDS = 4 * HUNG_SECONDS
"""A run that stands still for this long saves a checkpoint and ends."""

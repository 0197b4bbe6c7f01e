"""The longest call of a component that is not taken for hung."""

HUNG_SECONDS = 300.0
"""Seconds after which a call is given up and its process replaced."""
STALLED_SECONDS = 2 * HUNG_SECONDS
"""Seconds without a step or update after which a run warns: hung processes are replaced by then."""
GIVE_UP_SECONDS = 4 * HUNG_SECONDS
"""Seconds without a step or update after which a run saves a checkpoint and ends."""

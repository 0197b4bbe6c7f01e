"""The one error that a user sees as a sentence instead of a traceback."""

from __future__ import annotations


class RunError(Exception):
    """An error that a user can put right: one sentence with what, where, and what would be right.

    The command line prints it as ``skill-train: <sentence>`` and exits with 2.
    """

"""Matplotlib without a screen."""

from __future__ import annotations

from typing import Any


def pyplot() -> Any:
    """Matplotlib's pyplot, set to draw to files alone."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot

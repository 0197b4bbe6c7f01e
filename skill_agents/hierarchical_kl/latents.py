"""The latent period: a latent held for several steps, and its predecessor.

With a latent period p, z is drawn at every p-th step of an episode and held in between
(eq. 20). ``age`` counts the steps since it was drawn: 0 where it is new.
"""

from __future__ import annotations

import torch
from torch import Tensor

from skill_train.replay.step import Step


def context_rows(period: int) -> int:
    """Rows that must come before a row so that its latent, and the one before it, can be drawn.

    A held latent was drawn at most ``period - 1`` rows earlier; the predecessor of a new one,
    ``period`` rows earlier. A period of 1 gives the one row that autoregressive priors need.
    """
    return period


def latent_age(rows: Step, period: int) -> Tensor | None:
    """Steps since the latent in force was drawn, ``[T, B]`` int; None if every step draws.

    The age goes on over the last row of an episode too, where nothing was done and the stored
    age is zero like all its extras: values there serve as bootstrap after a time limit.
    """
    if period == 1:
        return None
    stored = rows.extras["age"]
    following = ((stored[:-1] + 1) % period).masked_fill(~rows.valid(), 0)
    return torch.cat([stored[:1], following])


def hold(fresh: Tensor, age: Tensor | None) -> Tensor:
    """The latent in force at each row, ``[T, B, D]``.

    fresh: the high level's draw at every row, ``[T, B, D]``.
    age: steps since the latent was drawn, ``[T, B]``; None means every step draws.
    Where the drawing row lies before the window, as for some context rows, row 0 stands for it.
    """
    if age is None:
        return fresh
    rows = torch.arange(len(fresh), device=fresh.device).unsqueeze(-1)
    drawn_at = (rows - age).clamp(min=0)
    return fresh.gather(0, drawn_at.unsqueeze(-1).expand_as(fresh))


def previous(held: Tensor) -> Tensor:
    """The latent in force one row earlier, ``[T, B, D]``; row 0, which has none, gets zero.

    At a row that draws a new latent this is z_{t-1} of the autoregressive priors: the value held
    until then.
    """
    return torch.cat([torch.zeros_like(held[:1]), held[:-1]])

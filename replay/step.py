"""The one row that every actor writes and every learner reads, and its packed form.

Time convention, stated here once. Row ``t`` of a stream holds what the agent saw, what it did, and
the outcome of that action::

    row t = (o_t, a_t, r_t = the reward of a_t, discount_t = what a_t left of the future, ...)

* ``discount_t`` is 0 when ``a_t`` truly ended the episode and 1 otherwise; a time limit keeps 1,
  so that a learner bootstraps from ``o_{t+1}``. A learner multiplies by its own gamma.
* An episode of L actions takes L + 1 rows. Its last row holds the last observation; nothing was
  done there, so its action, reward, discount and extras are zero. The next row of the stream is
  the first of the next episode (``is_first``).
* Hence one rule says which rows carry a real action: ``valid_t = not is_first_{t+1}``.
  A window that is longer than its stream (a whole trial) is padded with zero rows that
  have ``is_first`` set, and the same rule makes them, and the last real row, invalid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

Leaf = TypeVar("Leaf")
Other = TypeVar("Other")


@dataclass(frozen=True)
class ArraySpec:
    """Shape (without time and batch axes) and NumPy dtype name of one array of a row."""

    shape: tuple[int, ...]
    dtype: str = "float32"


class Step(NamedTuple, Generic[Leaf]):
    """One row, or any stack of rows: every leaf has the same leading axes.

    The leaves are NumPy arrays in actors and replay, tensors in a learner, and `ArraySpec` in a
    description of the row. Learners see ``[T+1, B, ...]``, or ``[T+1, N, B, ...]`` for N tasks.
    """

    observation: Mapping[str, Leaf]
    """Named groups, float32 or uint8 (pixels)."""
    action: Leaf
    """The policy's draw before the environment clips it (float32), or an index (int64)."""
    reward: Leaf
    """float32, the reward of the action."""
    discount: Leaf
    """float32, 0 after a termination and 1 elsewhere (0 on a row where nothing was done)."""
    is_first: Leaf
    """bool, true on the first row of an episode (of a trial, where episodes share a belief)."""
    task: Leaf
    """int32, index of the task in its `TaskFamily`."""
    policy_version: Leaf
    """int64, the learner step of the weights that acted."""
    extras: Mapping[str, Leaf]
    """Further results of acting by name, declared by the agent: log mu(a|x), noise, value..."""

    def map(self, change: Callable[[Leaf], Other]) -> Step[Other]:
        """The same row with every leaf changed, such as ``rows.map(lambda leaf: leaf[:-1])``."""
        return Step(
            observation={name: change(leaf) for name, leaf in self.observation.items()},
            action=change(self.action),
            reward=change(self.reward),
            discount=change(self.discount),
            is_first=change(self.is_first),
            task=change(self.task),
            policy_version=change(self.policy_version),
            extras={name: change(leaf) for name, leaf in self.extras.items()},
        )

    def valid(self) -> Any:
        """Mask of real actions in rows ``[T+1, ...]``, bool ``[T, ...]``: none before a first."""
        return ~self.is_first[1:]  # type: ignore[index]


def step_spec(
    observation: Mapping[str, ArraySpec], action: ArraySpec, extras: Mapping[str, ArraySpec]
) -> Step:
    """The description of a row for an environment's observation groups and an agent's extras."""
    return Step(
        observation=dict(observation),
        action=action,
        reward=ArraySpec(()),
        discount=ArraySpec(()),
        is_first=ArraySpec((), "bool"),
        task=ArraySpec((), "int32"),
        policy_version=ArraySpec((), "int64"),
        extras=dict(extras),
    )


class RowLayout:
    """The place of each array of a row in its packed bytes.

    A packed row is one element of a NumPy structured dtype; a window of rows travels through
    replay as ``uint8 [T+1, row_bytes]``: one column, one chunk, exact dtypes.
    """

    def __init__(self, spec: Step) -> None:
        self.spec = spec
        fields = [(name, leaf.dtype, leaf.shape) for name, leaf in _leaves(spec)]
        self.dtype = np.dtype(fields)
        self.row_bytes = self.dtype.itemsize

    def zeros(self, *leading: int) -> np.ndarray:
        """Structured rows of shape ``leading``, all zero."""
        return np.zeros(leading, self.dtype)

    def views(self, rows: np.ndarray | Mapping[str, np.ndarray]) -> Step:
        """The fields of structured ``rows`` as a `Step` of views (no copy)."""
        spec = self.spec
        return Step(
            observation={k: rows[f"observation/{k}"] for k in spec.observation},
            action=rows["action"],
            reward=rows["reward"],
            discount=rows["discount"],
            is_first=rows["is_first"],
            task=rows["task"],
            policy_version=rows["policy_version"],
            extras={k: rows[f"extras/{k}"] for k in spec.extras},
        )

    def leaves(self, rows: Step) -> list[Any]:
        """The arrays of ``rows`` in the order of `describe`.

        Raises ValueError if an observation group or an extra is missing or not in the layout.
        """
        for part, have, want in (
            ("observation", rows.observation, self.spec.observation),
            ("extras", rows.extras, self.spec.extras),
        ):
            if have.keys() != want.keys():
                raise ValueError(
                    f"{part} of a row must have exactly {sorted(want)}, but has {sorted(have)}"
                )
        return [
            *(rows.observation[k] for k in self.spec.observation),
            *rows[1:-1],
            *(rows.extras[k] for k in self.spec.extras),
        ]

    def pack(self, rows: np.ndarray) -> np.ndarray:
        """Structured rows ``[...]`` as bytes ``uint8 [..., row_bytes]`` (no copy if contiguous)."""
        rows = np.ascontiguousarray(rows)
        return rows.view(np.uint8).reshape(*rows.shape, self.row_bytes)

    def unpack(self, packed: np.ndarray) -> np.ndarray:
        """Bytes ``uint8 [..., row_bytes]`` as structured rows ``[...]``.

        Raises ValueError if the bytes are of another layout.
        """
        if packed.dtype != np.uint8 or packed.shape[-1] != self.row_bytes:
            raise ValueError(
                f"a packed row of this run is uint8 with {self.row_bytes} bytes, "
                f"but replay returned {packed.dtype} with {packed.shape[-1]}: "
                "it was written by a run with other observations, actions or extras"
            )
        return np.ascontiguousarray(packed).view(self.dtype)[..., 0]

    def time_major(self, packed: np.ndarray) -> Step:
        """Windows of bytes ``uint8 [..., T+1, row_bytes]`` as arrays ``[T+1, ...]``, one per field.

        Every array is contiguous, aligned and a copy.
        """
        rows = np.moveaxis(packed, -2, 0)
        arrays = {}
        # Bytes are copied, not values: numpy copies unaligned values one by one, bytes in blocks.
        offset = 0
        for name, leaf in _leaves(self.spec):
            end = offset + self.dtype[name].itemsize
            field = np.ascontiguousarray(rows[..., offset:end]).view(leaf.dtype)
            if offset == end:  # an empty array, whose strides a tensor cannot have
                field = np.zeros_like(field)
            arrays[name] = field.reshape(*rows.shape[:-1], *leaf.shape)
            offset = end
        return self.views(arrays)

    def describe(self) -> list[tuple[str, str, tuple[int, ...]]]:
        """(name, dtype, shape) of every field in order, which a checkpoint records and compares."""
        return [(name, leaf.dtype, leaf.shape) for name, leaf in _leaves(self.spec)]


def _leaves(spec: Step) -> list[tuple[str, ArraySpec]]:
    leaves = [(f"observation/{k}", v) for k, v in spec.observation.items()]
    leaves += [(name, getattr(spec, name)) for name in Step._fields[1:-1]]
    return leaves + [(f"extras/{k}", v) for k, v in spec.extras.items()]

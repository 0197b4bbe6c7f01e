"""Rounds: the actors' shares of the batches of an agent that learns from each item once.

Round n is the acting for batch n. Its shares are known beforehand: whole trials for each
environment slot, or a number of windows for each actor. So a batch is whole when every actor has
done its share, long trials count as short ones do, and nothing waits in a queue and ages.
`cluster.over_ray.turns` decides when an actor may begin a round.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skill_train.replay.schema import Schema
from skill_train.replay.tables import TableSpec


@dataclass
class Share:
    """The part of a round that one actor still has to do."""

    trials: np.ndarray | None = None
    """Whole trials that each of the actor's slots has to play, int ``[B]``; None for windows."""
    windows: int = 0
    """Windows that the actor has to finish, whichever slots they are of."""


@dataclass(frozen=True)
class Rounds:
    """The shares of every round: a batch of ``items`` from each table, dealt to ``actors`` actors.

    ``slots`` holds, for each table of the batch, the (actor, slot) pairs that fill it, actors in
    turn. Items are dealt to them in rotation, so that over many rounds all do the same.
    """

    spec: TableSpec
    items: int
    actors: int
    environments: int
    slots: tuple[tuple[tuple[int, int], ...], ...]

    @staticmethod
    def of(schema: Schema, actors: int, environments: int) -> Rounds | None:
        """The rounds of an agent's use-once table; None where it has none.

        Slot s of actor a plays task number ``(a * environments + s) % len(schema.tasks)``.
        Raises ValueError for several use-once draws, or where a task has no environment.
        """
        drawn = [name for name in schema.draws if schema.table_of(name).use_once]
        if not drawn:
            return None
        if len(drawn) > 1:
            raise ValueError(
                f"draws from use-once tables must be one, not {len(drawn)}: actors fill one batch "
                "a round"
            )
        spec, items = schema.table_of(drawn[0]), schema.draws[drawn[0]].batch_size
        pairs = [(actor, slot) for slot in range(environments) for actor in range(actors)]
        by_table = [pairs]
        if spec.per_task:
            n = len(schema.tasks)
            by_table = [
                [(a, s) for a, s in pairs if (a * environments + s) % n == i] for i in range(n)
            ]
            if not all(by_table):
                raise ValueError(
                    f"{actors} actors of {environments} environments cannot fill a batch of "
                    f"{n} tasks: together they need at least one environment for each task"
                )
        return Rounds(spec, items, actors, environments, tuple(tuple(t) for t in by_table))

    def share(self, actor: int, number: int) -> Share:
        """The share of ``actor`` in round ``number`` (from 0)."""
        if self.spec.whole_trial:
            trials = np.zeros(self.environments, np.int64)
            for slots in self.slots:
                for seat in range(number * self.items, (number + 1) * self.items):
                    owner, slot = slots[seat % len(slots)]
                    trials[slot] += owner == actor
            return Share(trials)
        # Windows end in all of an actor's slots at once: whole sweeps of them are dealt.
        sweeps = -(-self.items // self.environments)
        mine = [i for i in range(sweeps) if (number * sweeps + i) % self.actors == actor]
        return Share(
            windows=sum(min(self.environments, self.items - i * self.environments) for i in mine)
        )

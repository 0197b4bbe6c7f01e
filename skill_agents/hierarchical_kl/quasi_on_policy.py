"""SVG(0) + Retrace fed by a queue instead of replay: quasi on-policy training, appendix D.1.

Algorithm and networks are those of `svg0`; each unroll is learned from once, in the order in which
unrolls came, "similar to that of Espeholt et al. 2018". Data are off-policy only by the
time between acting and learning, for which Retrace corrects.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

from skill_train.replay.tables import TableSpec, queue
from skill_train.skill_agents.hierarchical_kl.svg0 import SVG0Config


@dataclass(frozen=True)
class QuasiOnPolicyConfig(SVG0Config):
    """SVG(0) from a queue of at most ``replay_unrolls`` unrolls; a full queue blocks the actors.

    ``minimum_unrolls`` and ``samples_per_insert`` have no effect.
    """

    def tiny(self) -> Self:
        """The same algorithm, small, with a queue of two batches."""
        small = super().tiny()
        return replace(small, replay_unrolls=2 * small.batch_size)

    def table(self, length: int) -> TableSpec:
        """A first-in-first-out queue whose items are drawn once each."""
        return queue("unrolls", length, self.replay_unrolls, stride=self.unroll_length)


def quasi_on_policy(agent: SVG0Config) -> QuasiOnPolicyConfig:
    """``agent`` with a queue of two batches, as the V-trace agent has: more data would be older."""
    same = {field.name: getattr(agent, field.name) for field in fields(agent)}
    same |= {"replay_unrolls": 2 * agent.batch_size, "samples_per_insert": None}
    return QuasiOnPolicyConfig(**same)

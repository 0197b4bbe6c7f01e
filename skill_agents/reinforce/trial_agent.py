"""Data and score of agents that learn by REINFORCE from whole trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Self, TypeVar

from torch import Tensor
from typing_extensions import override

from skill_train.replay.schema import Schema
from skill_train.replay.step import ArraySpec
from skill_train.replay.tables import Draw
from skill_train.replay.tables import trials as trial_table
from skill_train.skill_agents.agent import Agent, AgentConfig, Decay, EnvironmentSpec
from skill_train.skill_agents.ops.clipped_surrogate import clipped_surrogate
from skill_train.skill_agents.ranges import Count, Positive, PositiveOrInf, Share
from skill_train.skill_agents.reinforce import trials
from skill_train.skill_agents.reinforce.trials import Trials


@dataclass(frozen=True)
class TrialAgentConfig(AgentConfig):
    """Data, and bounds that keep training steady; the defaults are table 1's of the DSE paper."""

    gamma: Share = 0.99
    return_scale_rate: Share = 0.02  # "beta_art"
    trials_per_task: Count = 4  # "batch size per task"
    max_length: Count = 300  # "max episode length"
    max_ratio_change: Positive = 0.2
    """Not in the paper: largest change of pi / mu by one batch that is rewarded."""
    max_grad_norm: PositiveOrInf | None = None
    """Not in the paper: bounds the effect of a single failed trial. Stacked networks are bounded
    one by one."""
    decay: Decay | None = None
    """Not in the paper: decay of all learning rates."""

    @override
    def tiny(self) -> Self:
        return replace(self, trials_per_task=2)

    def schema(self, spec: EnvironmentSpec, tasks: Sequence[int]) -> Schema:
        """Batches of M trials of every task, which actors fill in rounds."""
        count = self.trials_per_task
        table = trial_table("trials", self.max_length, count, use_once=True, per_task=True)
        row = spec.step_spec(self.extras())
        return Schema((table,), {"trials": Draw("trials", count)}, row, tuple(tasks))

    def extras(self) -> Mapping[str, ArraySpec]:
        """Extras of a row: log mu(a)."""
        return {"log_prob": ArraySpec(())}


Config = TypeVar("Config", bound=TrialAgentConfig)


class TrialAgent(Agent, Generic[Config]):
    """An agent that learns once from M whole trials of each task."""

    def __init__(self, config: Config, spec: EnvironmentSpec) -> None:
        super().__init__()
        self.config = config
        self.scale = trials.ReturnScale(spec.num_tasks, config.return_scale_rate)

    def score(self, played: Trials, value: Tensor, log_prob: Tensor) -> Tensor:
        """The score of returns, to be maximised, from returns and log pi ``[T, N, B]``; a scalar.

        The running scale takes the returns in first. The score is summed over the counted steps
        and averaged over trials and tasks.
        """
        self.scale.update(value, played)
        return self.score_of(played, self.scale.normalise(value, played.task), log_prob)

    def score_of(self, played: Trials, advantage: Tensor, log_prob: Tensor) -> Tensor:
        """The score of advantages ``[T, N, B]``, which are taken as constants; a scalar."""
        score = clipped_surrogate(log_prob, played.log_mu, advantage, self.config.max_ratio_change)
        return trials.sum_over_steps(score, played)

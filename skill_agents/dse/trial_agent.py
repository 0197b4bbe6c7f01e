"""What the agents that learn from whole trials share, each REINFORCE and Distral: data, score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from skill_train.replay.step import ArraySpec
from skill_train.replay.tables import Draw, TableSpec
from skill_train.replay.tables import trials as trial_table
from skill_train.skill_agents.agent import Agent, AgentConfig, Decay, EnvironmentSpec
from skill_train.skill_agents.dse import trials
from skill_train.skill_agents.dse.trials import Trials
from skill_train.skill_agents.ops.clipped_surrogate import clipped_surrogate


@dataclass(frozen=True)
class TrialAgentConfig(AgentConfig):
    """Table 1, and what keeps training steady."""

    gamma: float = 0.99  # Table 1
    return_scale_rate: float = 0.02  # Table 1, "beta_art"
    trials_per_task: int = 4  # Table 1, "batch size per task"
    max_length: int = 300  # Table 1, "max episode length"
    max_ratio_change: float = 0.2
    """Differs from the paper: an action may become this much likelier or less likely."""
    max_grad_norm: float | None = None
    """Differs from the paper if not None: bounds what one failed trajectory can do. The networks of
    independent learners, and Distral's of the tasks, are bounded one by one."""
    decay: Decay | None = None
    """Differs from the paper if not None: of all learning rates."""


class TrialAgent(Agent):
    """Draws the newest M trials of each task, once."""

    def __init__(self, config: TrialAgentConfig, spec: EnvironmentSpec) -> None:
        super().__init__()
        self._data = config
        self.scale = trials.ReturnScale(spec.num_tasks, config.return_scale_rate)

    def extras_spec(self) -> Mapping[str, ArraySpec]:
        """log mu(a)."""
        return {"log_prob": ArraySpec(())}

    def tables(self) -> tuple[TableSpec, ...]:
        """No more than a batch of each task: what is older would be further off-policy."""
        length, count = self._data.max_length, self._data.trials_per_task
        return (trial_table("trials", length, count, use_once=True, per_task=True),)

    def draws(self) -> Mapping[str, Draw]:
        """M trajectories of every task, Algorithm 1."""
        return {"trials": Draw("trials", self._data.trials_per_task)}

    def score(self, played: Trials, value: Tensor, log_prob: Tensor) -> Tensor:
        """Of returns and log pi ``[T, N, B]``, summed over the counted steps, to be maximised.

        Takes the returns into their running scale first. Averaged over trajectories and tasks.
        """
        self.scale.update(value, played)
        return self.score_of(played, self.scale.normalise(value, played.task), log_prob)

    def score_of(self, played: Trials, advantage: Tensor, log_prob: Tensor) -> Tensor:
        """The same of advantages ``[T, N, B]``, which are taken as constants."""
        score = clipped_surrogate(log_prob, played.log_mu, advantage, self._data.max_ratio_change)
        return trials.sum_over_steps(score, played)

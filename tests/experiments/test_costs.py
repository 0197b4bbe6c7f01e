"""What a run is said to cost, from the rate of its body."""

from __future__ import annotations

import pytest

from skill_train.experiments.costs import of_env_steps
from skill_train.tasks.families import single_task


def test_a_body_that_acts_slower_takes_longer():
    """The ant's 1,000,000 steps at 3,500 a second; learning has a core of its own."""
    cost = of_env_steps(1_000_000, single_task("skill/GoToTarget-Ant-v0"))
    assert cost.env_steps == 1_000_000
    assert cost.hours == pytest.approx(1_000_000 / 3_500 / 3600)


def test_a_body_without_a_measured_rate_is_named():
    with pytest.raises(ValueError, match="no acting rate .* of skill/Gap-Cat-v0"):
        of_env_steps(1_000, single_task("skill/Gap-Cat-v0"))

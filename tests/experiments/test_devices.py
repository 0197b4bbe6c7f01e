"""Every agent of the presets updates on one device: checked without a GPU, on torch's ``meta``.

``meta`` computes shapes, types, layouts and devices, but no numbers. A tensor that an agent makes
on the CPU shows there as on a GPU, and so does an operation that needs a number in Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from skill_train.cluster.plan.build import Plan
from skill_train.cluster.plan.planning import untrained_source
from skill_train.experiments.registry import EXPERIMENTS
from skill_train.learners.feed import to_tensors
from skill_train.learners.learner import Learner
from skill_train.skill_agents.agent import Batch

META = torch.device("meta")
AGENTS = {repr(experiment.tiny().agent): name for name, experiment in reversed(EXPERIMENTS.items())}
"""The tiny agents that differ, and the first experiment of each."""
MOST_ITEMS = 2
MOST_ACTIONS = 2
"""Of a whole trial; it may be shorter than its table allows."""


class UnfusedAdam(torch.optim.Adam):
    """``meta`` has no fused Adam; this one demands of gradients what CUDA's fused one does."""

    def __init__(self, parameters: list[torch.nn.Parameter], **options: Any) -> None:
        super().__init__(parameters, **options | {"fused": False})

    def step(self) -> None:
        for parameter in self.param_groups[0]["params"]:
            gradient = parameter.grad
            assert gradient is None or gradient.stride() == parameter.stride()
        super().step()


@pytest.mark.parametrize("name", AGENTS.values())
def test_an_update_stays_on_the_learners_device(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.optim, "Adam", UnfusedAdam)
    experiment = EXPERIMENTS[name]
    source = untrained_source(experiment, tiny=True, seed=0)
    plan = Plan.of(experiment.tiny(), 0, source)
    agent = plan.agent("learner")
    learner = Learner(agent, META)
    learner.update(batch(plan))
    elsewhere = {name for name, total in learner._sums.items() if total.device != META}
    assert not elsewhere, "metrics that cannot be fetched together with the others"
    assert all(tensor.device == META for tensor in agent.state_dict().values())


def batch(plan: Plan) -> Batch:
    """Rows of zeros with the shapes that replay would give."""
    schema, layout = plan.schema, plan.schema.layout
    drawn = {}
    for name, draw in schema.draws.items():
        table = schema.table_of(name)
        rows = 1 + (min(table.length, MOST_ACTIONS) if table.whole_trial else table.length)
        tasks = (plan.stage.tasks.num_tasks,) if table.per_task else ()
        items = layout.zeros(*tasks, min(draw.batch_size, MOST_ITEMS), rows)
        drawn[name] = on_meta(to_tensors(layout.time_major(layout.pack(items)), META))
    return drawn


def on_meta(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to(META)
    if isinstance(value, Mapping):
        return {name: on_meta(inner) for name, inner in value.items()}
    return value._make(map(on_meta, value))

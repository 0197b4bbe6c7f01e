"""Every experiment by name."""

from __future__ import annotations

from skill_train.experiments import dse, hierarchical_kl, sac, vate
from skill_train.experiments.spec import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        *hierarchical_kl.EXPERIMENTS,
        *dse.EXPERIMENTS,
        *vate.EXPERIMENTS,
        *sac.EXPERIMENTS,
    )
}

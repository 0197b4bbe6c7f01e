"""Every experiment by name."""

from __future__ import annotations

from skill_train.experiments import dse, dse_skills, hierarchical_kl, quickstart, vate
from skill_train.experiments.spec import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        *quickstart.EXPERIMENTS,
        *hierarchical_kl.EXPERIMENTS,
        *dse.EXPERIMENTS,
        *vate.EXPERIMENTS,
        *dse_skills.EXPERIMENTS,
    )
}

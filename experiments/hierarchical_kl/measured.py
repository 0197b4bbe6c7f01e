"""The measured results of "Exploiting Hierarchy": benchmarks/results/hierarchical_kl.md."""

from __future__ import annotations

from skill_train.experiments.spec import Measured


def _measured(result: str, seeds: int, env_steps: int | None = None) -> Measured:
    return Measured(result, seeds, "hierarchical_kl.md", env_steps)


_BOXES = "transfer-ball-move-box-easy-to-move-box-mid"
_ANT = "transfer-ball-to-ant-go-to-target"

MEASURED = {
    "quickstart": _measured("100 % success", 3),
    "quickstart-svg0": _measured("92 % success", 3),
    "quickstart-distral": _measured("75 % success", 3),
    "quickstart-white-noise": _measured("95 % success", 3),
    "quickstart-isotropic": _measured("62 % success", 3),
    "quickstart-ar-learned": _measured("97 % success", 3),
    "hierarchical_kl/ball-move-box-easy-small": _measured("86 % success", 4),
    "hierarchical_kl/ball-move-box-easy-distral-small": _measured("97 % success", 3),
    "hierarchical_kl/ball-move-box-mid-small": _measured("17 % success", 4),
    f"hierarchical_kl/{_BOXES}-small": _measured("48 % success", 4),
    f"hierarchical_kl/{_BOXES}-distral-small": _measured("71 % success", 3),
    "hierarchical_kl/ball-go-to-target-agnostic-small": _measured("69 % success", 1, 800_000),
    f"hierarchical_kl/{_ANT}-small": _measured("0 % success", 1, 600_000),
    f"hierarchical_kl/{_ANT}-from-scratch-small": _measured("0 % success", 1, 600_000),
    "hierarchical_kl/ant-gap-small": _measured("return 64, no jump", 1, 300_000),
    "hierarchical_kl/grid-1step": _measured("100 % success", 5, 600_000),
    "hierarchical_kl/grid-4step": _measured("48 % success", 3),
    "hierarchical_kl/grid-8step": _measured("15 % success", 5),
    "hierarchical_kl/grid-body-transfer-4step": _measured("100 % success", 3),
    "hierarchical_kl/grid-body-transfer-8step": _measured("100 % success", 5),
    "hierarchical_kl/grid-body-transfer-8step-no-kl": _measured("99 % success", 5),
}

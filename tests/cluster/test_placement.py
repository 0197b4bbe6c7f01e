"""Whether a Ray cluster has room for a run."""

from __future__ import annotations

import pytest

from skill_train.cluster.errors import RunError
from skill_train.cluster.over_ray.placement import refuse_small_cluster


def test_a_cluster_that_is_too_small_is_refused_with_what_the_run_needs() -> None:
    refuse_small_cluster(5, {"CPU": 6.0, "memory": 1e9})
    message = r"needs 33 CPUs \(32 for its actors, 1 for the learner\), the cluster has 6; lower"
    with pytest.raises(RunError, match=message):
        refuse_small_cluster(32, {"CPU": 6.9})
    with pytest.raises(RunError, match="the cluster has 0"):
        refuse_small_cluster(1, {"memory": 1e9})

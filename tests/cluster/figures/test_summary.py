"""How soon a run was good."""

from __future__ import annotations

from skill_train.cluster.show.figures import summary


def test_the_summary_finds_the_first_moment_by_return_or_by_success():
    nan = float("nan")
    curve = [
        summary.Point(10, 1000, -40.0, 0.1),
        summary.Point(20, 2000, -20.0, 0.95),
        summary.Point(30, 4000, -3.0, 1.0),
    ]
    row = summary.Row("grid", 0, 1.0, -3.0, nan, nan, curve)
    assert summary.reached(row, -10.0) == curve[2]
    assert summary.succeeded(row, 0.9) == curve[1]
    assert summary.succeeded(row, 1.1) is None
    unknown = row._replace(curve=[point._replace(success=nan) for point in curve])
    assert summary.succeeded(unknown, 0.0) is None

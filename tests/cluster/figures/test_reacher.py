"""Reacher's table and picture, of a finished run."""

from __future__ import annotations

import pytest

from skill_train.cluster import cli, launch


def test_reachers_table_and_picture_of_a_finished_run(tmp_path, capsys):
    """Standing still, the fingertip stays at about (0.21, 0); the bonus cannot lower a return."""
    name, path = "dse/reacher-6-3", tmp_path / "run"
    launch.start(name, [], 0, path, tiny=True, inline=True, address=None)
    capsys.readouterr()
    args = [str(path), "--episodes", "3", "--cells"]
    assert cli.main(["figure", "dse-reacher", *args]) == 0
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert {row[1] for row in rows} == {
        "all",
        "arm=50/50,goal=60deg",
        "arm=33/67,goal=180deg",
        "arm=67/33,goal=300deg",
    }
    for row in rows:
        bonus, bare, still = float(row[3]), float(row[4]), float(row[6])
        assert bonus >= bare - 0.01
        if "180" in row[1]:
            assert still == pytest.approx(-100 * (0.21 + 0.14), rel=0.02)
    capsys.readouterr()
    args = [str(path), "--out", str(tmp_path / "tips.png"), "--between", "1"]
    assert cli.main(["figure", "dse-fingertips", *args]) == 0
    assert capsys.readouterr().out.count("fingertip at") == 9
    assert (tmp_path / "tips.png").stat().st_size > 0

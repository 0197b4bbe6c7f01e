"""A run that stands still says on what, and ends with a checkpoint instead of standing for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_train.cluster.errors import RunError
from skill_train.cluster.over_ray import patience, supervisor
from skill_train.cluster.over_ray.supervisor import Supervisor
from skill_train.cluster.over_ray.watchdog import Watchdog, stall_in_words
from skill_train.cluster.plan import planning
from skill_train.cluster.store.run_dir import RunDir
from skill_train.replay.backend import TableInfo
from skill_train.replay.tables import Draw, transitions, windows
from tests.replay.streams import schema_of


def test_time_counts_from_the_last_step_or_update() -> None:
    now = [0.0]
    watchdog = Watchdog(lambda: now[0])
    assert watchdog.standing(0, 0) == 0.0
    now[0] = 50.0
    assert watchdog.standing(0, 0) == 50.0
    assert watchdog.standing(1, 0) == 0.0
    now[0] = 80.0
    assert watchdog.standing(1, 0) == 30.0
    assert watchdog.standing(1, 1) == 0.0


def test_the_sentence_has_what_every_table_takes_and_gives() -> None:
    """By hand: error = inserted x 2 - sampled; from there the slack of 2 x 4 + 64 + 4 + 2 x 2."""
    tables = [transitions("t", 99, min_items=10, samples_per_insert=2.0), windows("w", 1, 50)]
    schema = schema_of(tables, {"d": Draw("t", 4)})
    states = {"t": TableInfo(30, 99, 30, 0), "w": TableInfo(5, 50, 5, 7)}
    slack = (2 * 4 + 64) + 4 + 2 * 2.0
    takes = int((2.0 * 10 + slack - 60) / 2.0)
    gives = int(60 - (2.0 * 10 - slack))
    assert stall_in_words(600.0, schema, states, ["actor-1"]) == (
        "no environment step and no update for 10 minutes; "
        f"table t holds 30 of 99 items, takes {takes} and gives {gives}; "
        "table w holds 5 of 50 items, takes any number and gives any number; "
        "blocked actors: actor-1"
    )


@pytest.mark.cluster
@pytest.mark.reverb
def test_a_run_that_stands_still_ends_with_a_checkpoint(tmp_path: Path, monkeypatch) -> None:
    """Actors are asked for nothing, so that neither they nor the learner can go on."""
    monkeypatch.setattr(Supervisor, "_ask_actor", lambda self, member: None)
    monkeypatch.setattr(patience, "STALLED_SECONDS", 1.0)
    monkeypatch.setattr(patience, "GIVE_UP_SECONDS", 3.0)
    said: list[str] = []
    monkeypatch.setattr(supervisor.Driver, "say", lambda self, what: said.append(what))
    stage = planning.stage_for("sac/reacher", (), tiny=True)
    run = RunDir.create(tmp_path / "run", "sac/reacher", (), stage, 0, tiny=True)
    sentence = "no environment step and no update .* gives 0; blocked actors: none; a checkpoint"
    with pytest.raises(RunError, match=sentence):
        supervisor.run(planning.plan_for(stage, 0), run)
    assert sum(what.startswith("warning: no environment step") for what in said) == 1
    assert run.checkpoints.load_latest() is not None
    assert run.read_status().state == "failed"


@pytest.mark.cluster
@pytest.mark.reverb
def test_a_death_over_the_last_calls_is_asked_again(tmp_path: Path, monkeypatch) -> None:
    """The learner dies before its last state, the evaluator over the final evaluation."""
    finish = Supervisor.finish

    def killed(self: Supervisor) -> dict:
        for member in (self._learner, self._evaluator):
            member.handle.__ray_terminate__.remote()
        return finish(self)

    monkeypatch.setattr(Supervisor, "finish", killed)
    stage = planning.stage_for("sac/reacher", (), tiny=True)
    run = RunDir.create(tmp_path / "run", "sac/reacher", (), stage, 0, tiny=True)
    results = supervisor.run(planning.plan_for(stage, 0), run)
    assert results["evaluation_episodes"] == stage.evaluation.final_episodes
    assert run.checkpoints.load_latest() is not None
    assert run.read_status().state == "finished"

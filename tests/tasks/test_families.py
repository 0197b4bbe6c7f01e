"""Families of tasks by (dynamics, goal) and the sets drawn from them."""

import pickle

import pytest

from skill_train.tasks.families import (
    TaskFamily,
    TaskSet,
    Variant,
    goal_split,
    held_out_split,
    single_task,
)
from skill_train.tasks.grid import Grid


@pytest.fixture
def family() -> TaskFamily:
    return TaskFamily(
        "skill/Grid-1step-v0",
        dynamics=tuple(Variant(f"n={n}", {"body_steps": n}) for n in (1, 2, 3)),
        goals=tuple(Variant(f"size={s}", {"size": s}) for s in (4, 5, 6)),
        kwargs={"episode_steps": 7},
    )


def test_index_is_i_times_j_plus_j(family):
    assert family.num_tasks == 9
    assert family.index(2, 1) == 7 and family.cell(7) == (2, 1)
    assert [family.index(*family.cell(t)) for t in range(9)] == list(range(9))
    with pytest.raises(IndexError, match="no cell"):
        family.index(0, 3)
    with pytest.raises(IndexError, match="tasks 0 to 8"):
        family.cell(9)


def test_a_task_gets_the_arguments_of_both_axes(family):
    env = family.all().make(family.index(2, 1)).unwrapped
    assert isinstance(env, Grid)
    assert (env.body_steps, env.size, env._episode_steps) == (3, 5, 7)
    assert family.name(7) == "skill/Grid-1step-v0[n=3,size=5]"


@pytest.mark.parametrize(
    ("split", "held_out"),
    [("6-3", (0, 4, 8)), ("4-5", (0, 1, 3, 4, 8))],
)
def test_held_out_cells_of_the_paper(family, split, held_out):
    train, test = held_out_split(family, split)
    assert test.tasks == held_out
    assert sorted(train.tasks + test.tasks) == list(range(9))
    # Every dynamics and every goal is met in training, else an embedding would never be trained.
    assert {family.cell(t)[0] for t in train.tasks} == {0, 1, 2}
    assert {family.cell(t)[1] for t in train.tasks} == {0, 1, 2}


def test_held_out_tasks_stay_held_out(family):
    train, test = held_out_split(family, "6-3")
    with pytest.raises(ValueError, match="not in this set"):
        train.make(0)
    assert test.make(0).unwrapped.size == 4
    with pytest.raises(ValueError, match="no split"):
        held_out_split(family, "5-4")
    with pytest.raises(ValueError, match="3x3"):
        held_out_split(TaskFamily("skill/Grid-1step-v0"), "6-3")


def test_single_task():
    tasks = single_task("skill/Grid-4step-v0", size=5)
    assert (tasks.num_tasks, tasks.tasks, tasks.names) == (1, (0,), ("skill/Grid-4step-v0",))
    assert tasks.make(0).unwrapped.size == 5
    assert tasks.make(0, size=6, render_mode="rgb_array").unwrapped.size == 6


def test_ten_train_and_eight_test_goals():
    train, test = goal_split("skill/Grid-1step-v0", "size", range(3, 13), range(20, 28))
    assert train.family == test.family and train.family.num_tasks == 18
    assert train.tasks == tuple(range(10)) and test.tasks == tuple(range(10, 18))
    assert test.make(10).unwrapped.size == 20
    assert train.names[0] == "skill/Grid-1step-v0[size=3]"


def test_sets_travel_between_processes(family):
    tasks = held_out_split(family, "4-5")[0]
    assert pickle.loads(pickle.dumps(tasks)) == tasks


def test_bad_families_and_sets_are_named(family):
    with pytest.raises(ValueError, match="gives one argument twice"):
        TaskFamily("x", goals=(Variant("", {"size": 3}),), kwargs={"size": 4})
    with pytest.raises(ValueError, match="at least one"):
        TaskFamily("x", goals=())
    with pytest.raises(ValueError, match="distinct tasks in order"):
        TaskSet(family, (1, 0))
    with pytest.raises(IndexError):
        TaskSet(family, (9,))

"""The exact returns, against brute force on a small grid and by playing on the real one."""

from functools import cache

import numpy as np
import pytest

from skill_train.tasks.goal_grid import GOALS, MOVES, SIZE, VectorGoalGrid
from skill_train.tasks.goal_grid_bounds import Bounds, straight_return

EXACT = Bounds()


def brute_force(size: int, goals: tuple[tuple[int, int], ...], steps: int, episodes: int) -> float:
    """The best expected return by plain recursion over (position, belief, clock), every action."""

    @cache
    def value(x: int, y: int, belief: frozenset[tuple[int, int]], t: int, episode: int) -> float:
        if t == steps:
            return 0.0 if episode + 1 == episodes else value(0, 0, belief, 0, episode + 1)
        best = -np.inf
        for dx, dy in MOVES:
            i, j = min(max(x + dx, 0), size - 1), min(max(y + dy, 0), size - 1)
            expected, there = 0.0, belief & {(i, j)}
            for after, reward in ((there, 1.0), (belief - there, -0.1)):
                if after:
                    chance = len(after) / len(belief)
                    expected += chance * (reward + value(i, j, after, t + 1, episode))
            best = max(best, expected)
        return best

    return value(0, 0, frozenset(goals), 0, 0)


@pytest.mark.parametrize(
    ("size", "steps", "episodes"),
    [(3, 5, 2), (3, 4, 3), (3, 3, 2), (3, 8, 1), (3, 2, 2)],
)
def test_bayes_optimal_is_what_brute_force_finds(size, steps, episodes):
    goals = tuple((x, y) for x in range(size) for y in range(size) if x > 1 or y > 1)
    found = Bounds(size, goals, steps, episodes).bayes_optimal()
    assert len(found) == episodes
    assert sum(found) == pytest.approx(brute_force(size, goals, steps, episodes))


def test_bayes_optimal_is_what_brute_force_finds_with_goals_here_and_there():
    goals = ((0, 3), (3, 0), (1, 1), (2, 3), (3, 3), (2, 1))
    found = Bounds(4, goals, 6, 2).bayes_optimal()
    assert sum(found) == pytest.approx(brute_force(4, goals, 6, 2))


def play(choose) -> np.ndarray:
    """Returns ``[goals, episodes]`` on the real grid; ``choose(i, cell, reward, t)``: an action."""
    env = VectorGoalGrid(len(GOALS), GOALS)
    seen, _ = env.reset()
    reward = np.zeros(len(GOALS))
    for t in range(45):
        cells = seen["state"].argmax(-1)
        arrived = seen["arrived"].argmax(-1)
        actions = [choose(i, cells[i], arrived[i], reward[i], t) for i in range(len(GOALS))]
        seen, reward, _, _, info = env.step(np.array(actions))
    return info["return_per_episode"]


def towards(cell: int, target: int, rng: np.random.Generator | None = None) -> int:
    """The action of a shortest way."""
    (y, x), (v, u) = divmod(int(cell), SIZE), divmod(int(target), SIZE)
    ways = [a for a, (dx, dy) in enumerate(MOVES) if dx * (u - x) > 0 or dy * (v - y) > 0] or [4]
    if rng is None or len(ways) == 1:
        return ways[0]
    up, right = abs(v - y), abs(u - x)  # each shortest way equally likely, not each first step
    vertical = MOVES[ways[0]][0] == 0
    chance = (up if vertical else right) / (up + right)
    return ways[0] if rng.random() < chance else ways[1]


def test_an_agent_that_follows_the_path_gets_the_bayes_optimal_returns():
    path = np.concatenate(EXACT.best_path)
    known: dict[int, int] = {}

    def choose(i, cell, arrived, reward, t):
        if reward == 1.0:
            known[i] = arrived
        return towards(cell, known.get(i, path[t]))

    np.testing.assert_allclose(play(choose).mean(0), EXACT.bayes_optimal())
    assert sum(EXACT.bayes_optimal()) == pytest.approx(183 / 7)


def test_an_agent_that_knows_the_goal_gets_the_oracles_returns():
    def choose(i, cell, arrived, reward, t):
        return towards(cell, SIZE * GOALS[i][1] + GOALS[i][0])

    np.testing.assert_allclose(play(choose).mean(0), EXACT.oracle())
    # The mean distance is 32 / 7: 4 4/7 steps, all but the last of which cost 0.1.
    assert EXACT.oracle()[0] == pytest.approx(15 - 32 / 7 + 1 - 0.1 * (32 / 7 - 1))


def test_thompson_sampling_played_agrees_with_its_exact_returns():
    rng = np.random.default_rng(0)
    all_cells = {SIZE * y + x for x, y in GOALS}
    returns = []
    for _ in range(150):
        belief = [set(all_cells) for _ in GOALS]
        drawn = [0] * len(GOALS)

        def choose(i, cell, arrived, reward, t, belief=belief, drawn=drawn):
            if reward == 1.0:
                belief[i] = {int(arrived)}
            elif t:
                belief[i].discard(int(arrived))
            if t % 15 == 0:
                drawn[i] = int(rng.choice(sorted(belief[i])))
            return towards(cell, drawn[i], rng)

        returns.append(play(choose))
    # The goals of one round are independent, so all are equally many samples of a trial.
    samples = np.concatenate(returns)
    error = samples.std(0) / np.sqrt(len(samples))
    assert (np.abs(samples.mean(0) - EXACT.thompson()) < 4 * error).all()
    assert error.max() < 0.2


def test_no_agent_beats_the_bayes_optimal_one_but_the_oracle():
    bayes, thompson, oracle = EXACT.bayes_optimal(), EXACT.thompson(), EXACT.oracle()
    assert sum(thompson) < sum(bayes) < sum(oracle)
    assert straight_return(1, 15) == 15.0

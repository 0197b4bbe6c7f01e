"""Exact returns per episode of the best agents on the grid with a hidden goal.

**Bayes-optimal.** Until the goal is found every reward is the same, -0.1, so an agent follows one
path, fixed beforehand; from then on it knows everything, and stays on the goal or goes back to it
by a shortest way. Let S be the steps of an episode, d_g the distance of goal g from the start, and
R_g the return of an episode that goes straight to it. An agent that finds g with step t of its
episode e (counted from 0) falls short of one that knows g by::

    regret(e, t, g) = e (R_g + 0.1 S) + 1.1 (t - d_g)

and by E (R_g + 0.1 S) over all E episodes if it never does. The best path has the least mean regret
over the goals. The regret to come depends on position, the set of visited goals and the clock
alone, so a forward search over these states, least regret kept for each, is dynamic programming
over the belief. Two kinds of state are left out. Steps that stay in place: without one, every later
visit of its episode comes earlier. And states from which even an agent that finds a goal with each
step could not cost less than a path already known, from a first search that keeps few states.

**Thompson sampling.** Before each episode a goal is drawn from the belief and the agent follows a
shortest way to it (each one equally likely) and stays there, whatever it meets; visited goals
count for the next belief.

**Oracle.** Knows the goal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from skill_train.tasks.goal_grid import (
    EPISODE_STEPS,
    EPISODES,
    GOAL_REWARD,
    GOALS,
    SIZE,
    STEP_REWARD,
    neighbours,
)

Path = tuple[tuple[int, ...], ...]
"""Cells after each step, for each episode."""
STEP_LOSS = GOAL_REWARD - STEP_REWARD
"""Loss by one step off the goal: 1.1."""
BEAM = 2_000
"""States kept at a time by the first, inexact search, whose result bounds the exact one."""


class _States(NamedTuple):
    """Paths so far, the best for each (position, visited goals)."""

    cell: np.ndarray
    visited: np.ndarray
    """Goals as a bit mask over cells."""
    left: np.ndarray
    """Number of goals not visited."""
    cost: np.ndarray
    """Regret of the visited goals, without its constant -1.1 d_g."""
    parent: np.ndarray
    """Index in the layer before."""


@dataclass(frozen=True)
class Bounds:
    """A grid, its goals (all equally likely) and a trial's length; the start is cell (0, 0)."""

    size: int = SIZE
    goals: tuple[tuple[int, int], ...] = GOALS
    steps: int = EPISODE_STEPS
    episodes: int = EPISODES

    def oracle(self) -> tuple[float, ...]:
        """Expected return of each episode for an agent that knows the goal."""
        return (float(self._straight[self._cells].mean()),) * self.episodes

    def bayes_optimal(self) -> tuple[float, ...]:
        """Expected return of each episode for a Bayes-optimal agent."""
        returns = [returns_on_path(self, self.best_path, goal) for goal in self.goals]
        return tuple(np.mean(returns, axis=0).tolist())

    @cached_property
    def best_path(self) -> Path:
        """Path of the Bayes-optimal agent until it finds the goal."""
        known, _ = self._search(np.inf, BEAM)
        _, path = self._search(known, None)
        return path

    def thompson(self) -> tuple[float, ...]:
        """Expected return of each episode under Thompson sampling."""
        goals, number = self._cells, len(self.goals)
        walks = [_shortest_walks(goal, self.size) for goal in goals.tolist()]
        met = [np.array(ways)[:, None] >> goals & 1 == 1 for ways in walks]
        # Return of an episode [drawn, true]: straight there, or met on the way and passed.
        returns = STEP_REWARD * self.steps + STEP_LOSS * np.stack([m.mean(0) for m in met])
        np.fill_diagonal(returns, self._straight[goals])
        # A belief is the set of goals not visited, here with its probability if every visit missed.
        chance = {(True,) * number: 1.0}
        known = 0.0  # expected return, in each later episode, of goals found so far
        result = []
        for episode in range(self.episodes):
            left, weight = np.array(list(chance)), np.array(list(chance.values()))
            draws = np.maximum(left.sum(1), 1)
            searching = np.einsum("bd,dg,bg,b->", left, returns, left, weight / draws)
            result.append(float(known + searching / number))
            if episode + 1 == self.episodes:
                break
            chance = {}
            for belief, likely in zip(left, weight / draws, strict=True):
                for drawn in np.flatnonzero(belief):
                    share = likely / len(met[drawn])
                    for seen in met[drawn]:
                        found = goals[belief & seen]
                        known += share * float(self._straight[found].sum()) / number
                        after = tuple((belief & ~seen).tolist())
                        chance[after] = chance.get(after, 0.0) + share
        return tuple(result)

    @cached_property
    def _cells(self) -> np.ndarray:
        return np.array([self.size * y + x for x, y in self.goals])

    @cached_property
    def _distance(self) -> np.ndarray:
        """d of every cell: its distance from the start."""
        return np.add.outer(np.arange(self.size), np.arange(self.size)).ravel()

    @cached_property
    def _straight(self) -> np.ndarray:
        """R of every cell: the return of an episode that goes straight there."""
        return np.array([straight_return(int(d), self.steps) for d in self._distance])

    @cached_property
    def _absence(self) -> np.ndarray:
        """R_g + 0.1 S of every cell: loss of an episode that does not find a goal there."""
        return self._straight - STEP_REWARD * self.steps

    def _search(self, known: float, beam: int | None) -> tuple[float, Path]:
        """The least cost and its path, among paths that may cost ``known`` or less."""
        least = self._least_to_come()
        zero = np.zeros(1, np.int64)
        states = _States(zero, zero, zero + len(self.goals), np.zeros(1), zero)
        layers = [states]
        for episode in range(self.episodes):
            states = states._replace(cell=np.zeros_like(states.cell))
            for t in range(1, self.steps + 1):
                states = self._step(states, episode * self._absence + STEP_LOSS * t)
                total = states.cost + least[episode, t, states.left]
                kept = np.flatnonzero(total <= known + 1e-9)
                if beam is not None and len(kept) > beam:
                    kept = kept[np.argsort(total[kept], kind="stable")[:beam]]
                states = _States(*(array[kept] for array in states))
                layers.append(states)
        never = self.episodes * self._absence + STEP_LOSS * self._distance
        missing = (states.visited[:, None] >> self._cells) & 1 == 0
        total = states.cost + missing @ never[self._cells]
        best = int(total.argmin())
        return float(total[best]), self._trace(layers, best)

    def _step(self, states: _States, cost: np.ndarray) -> _States:
        """One step in every direction, and the best path to each (position, visited goals).

        ``cost [cells]`` is the cost of finding a goal in each cell with this step.
        """
        reached = neighbours(self.size)[states.cell]
        parent, action = np.nonzero(reached != states.cell[:, None])
        cell = reached[parent, action]
        goals = int(np.bitwise_or.reduce(1 << self._cells))
        bit = (1 << cell) & goals & ~states.visited[parent]
        visited, new = states.visited[parent] | bit, bit != 0
        total = states.cost[parent] + np.where(new, cost[cell], 0.0)
        order = np.lexsort((total, cell, visited))
        same = (np.diff(cell[order]) == 0) & (np.diff(visited[order]) == 0)
        first = order[np.concatenate([[True], ~same])]
        left = (states.left[parent] - new)[first]
        return _States(cell[first], visited[first], left, total[first], parent[first])

    def _least_to_come(self) -> np.ndarray:
        """Lower bound of the cost of the last n goals after step t, ``[episode, t, n]``.

        The sum of the n cheapest moments left, one goal at each and none before the nearest could
        be reached, as if every goal were the one whose absence costs least.
        """
        s, number = self.steps, len(self.goals)
        absence = self._absence[self._cells].min()
        nearest = int(self._distance[self._cells].min())
        never = np.full(number, self.episodes * absence + STEP_LOSS * nearest)
        least = np.zeros((self.episodes, s + 1, number + 1))
        for episode in range(self.episodes):
            later = np.arange(nearest, s + 1) * STEP_LOSS
            after = [e * absence + later for e in range(episode + 1, self.episodes)]
            for t in range(s + 1):
                now = episode * absence + STEP_LOSS * np.arange(t + 1, s + 1)
                moments = np.sort(np.concatenate([now, *after, never]))
                least[episode, t, 1:] = np.cumsum(moments[:number])
        return least

    def _trace(self, layers: Sequence[_States], index: int) -> Path:
        cells = []
        for layer in reversed(layers[1:]):
            cells.append(int(layer.cell[index]))
            index = int(layer.parent[index])
        cells.reverse()
        s = self.steps
        return tuple(tuple(cells[s * e : s * (e + 1)]) for e in range(self.episodes))


def returns_on_path(bounds: Bounds, path: Path, goal: tuple[int, int]) -> list[float]:
    """Return of each episode if the agent follows ``path`` until it meets ``goal``."""
    cell, found = bounds.size * goal[1] + goal[0], False
    result = []
    for cells in path:
        if found:
            result.append(straight_return(sum(goal), bounds.steps))
        elif cell in cells:
            found = True
            result.append(straight_return(cells.index(cell) + 1, bounds.steps))
        else:
            result.append(STEP_REWARD * bounds.steps)
    return result


def straight_return(t: int, steps: int = EPISODE_STEPS) -> float:
    """Return of an episode in which the goal is reached with step ``t`` and not left."""
    return STEP_REWARD * (t - 1) + GOAL_REWARD * (steps - t + 1)


def _shortest_walks(cell: int, size: int) -> list[int]:
    """The cells of every shortest way from cell 0, as bit masks."""
    y, x = divmod(cell, size)
    if cell == 0:
        return [0]
    before = [c for c, there in ((cell - 1, x > 0), (cell - size, y > 0)) if there]
    return [walk | (1 << cell) for c in before for walk in _shortest_walks(c, size)]

"""Which steps of a trial count."""

from __future__ import annotations

from skill_train.skill_agents.reinforce import trials
from tests.skill_agents.grid import GAMMA, LIMIT, counted_steps, length_of, random_trials


def test_a_cut_episode_counts_up_to_h_steps_before_its_end_and_a_terminated_one_whole():
    rows = random_trials(0, 0, batch=6)
    played = trials.read(rows, GAMMA)
    cut = whole = 0
    for n in range(4):
        for b in range(6):
            assert played.acted[:, n, b].sum() == length_of(rows, n, b)
            steps = played.counted[:, n, b].nonzero().flatten().tolist()
            assert steps == counted_steps(rows, n, b)
            cut += len(steps) == LIMIT - 3
            whole += len(steps) == length_of(rows, n, b)
    assert cut >= 4 and whole >= 4

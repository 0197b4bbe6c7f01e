"""The latents of one episode over time, which the high level gives to the low level."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skill_train.actors.player import Player
from skill_train.actors.vector_env import BrokenTaskError
from skill_train.cluster.errors import RunError
from skill_train.cluster.show import trained
from skill_train.cluster.store.run_dir import RunDir


class Trace(NamedTuple):
    """The latents and rewards of an episode of L steps, without exploration."""

    latent: np.ndarray
    """The latent in force, ``[L, D]``."""
    reward: np.ndarray
    """The reward of each step, ``[L]``."""
    success: bool | None


def trace(run: RunDir, seed: int, which: str = "latest") -> Trace:
    """Play one episode; raises RunError if the agent has no latents or its task is broken."""
    plan, agent, _ = trained.load(run, which)
    tasks = plan.stage.evaluation_tasks or plan.stage.tasks
    try:
        envs = plan.environments(tasks, [tasks.tasks[0]], seed)
        with contextlib.closing(envs):
            found = _play(Player(agent, envs, seed, explore=False))
    except BrokenTaskError as error:
        raise RunError(str(error)) from error
    if found is None:
        raise RunError(f"the agent of {run.path} has no latents")
    return found


def _play(player: Player) -> Trace | None:
    """Play one episode of the first environment; None without latents."""
    latents, rewards = [], []
    while True:
        turn = player.turn()
        latent = turn.acting.state.get("latent")
        if latent is None or latent.shape[-1] == 0:
            return None
        latents.append(latent[0].numpy().copy())
        rewards.append(float(turn.outcome.reward[0]))
        if turn.outcome.episodes:
            success = turn.outcome.episodes[0].success
            return Trace(np.stack(latents), np.asarray(rewards), success)


def draw(run: RunDir, out: Path, seed: int, which: str = "latest") -> Trace:
    """Write a picture of `trace`: a line for each component, and the return so far below."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    found = trace(run, seed, which)
    with pyplot.rc_context({"axes.spines.top": False, "axes.spines.right": False}):
        figure, (above, below) = pyplot.subplots(
            2, 1, figsize=(8.0, 4.5), sharex=True, layout="constrained", height_ratios=(3, 1)
        )
        try:
            steps = np.arange(len(found.latent))
            for i, component in enumerate(found.latent.T):
                above.step(steps, component, where="post", linewidth=1.2, label=f"z{i + 1}")
            above.set_ylabel("latent")
            above.grid(alpha=0.25)
            above.legend(frameon=False, fontsize="small", ncols=len(found.latent.T))
            below.plot(steps, np.cumsum(found.reward), color="C7")
            below.set_ylabel("return so far")
            below.set_xlabel("step of the episode")
            below.grid(alpha=0.25)
            figure.savefig(out, dpi=150)
        except (OSError, ValueError) as error:
            raise RunError(f"cannot write the picture {out}: {error}") from error
        finally:
            pyplot.close(figure)
    return found

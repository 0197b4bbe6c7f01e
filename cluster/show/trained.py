"""The agent of a run from a checkpoint, evaluated or filmed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from skill_train.actors.episodes import EpisodeResult
from skill_train.actors.evaluator import Evaluation
from skill_train.actors.vector_env import BrokenTaskError
from skill_train.cluster.errors import RunError
from skill_train.cluster.plan import planning
from skill_train.cluster.plan.build import Plan, skills_of
from skill_train.cluster.store.run_dir import RunDir
from skill_train.skill_agents.agent import Agent


def load(run: RunDir, which: str = "latest") -> tuple[Plan, Agent, int]:
    """Load a run's plan, the agent of its "latest" or "best" checkpoint, and the learner step."""
    if which == "best":
        checkpoint = run.checkpoints.load_best()
    else:
        checkpoint = run.checkpoints.load_latest(with_replay=False)
    if checkpoint is None:
        raise RunError(f"{run.path} has no checkpoint yet; wait for its first, or run it longer")
    plan = planning.plan_of(run)
    agent = plan.agent("evaluator")
    try:
        agent.load_state_dict(checkpoint.learner_state["agent"])
    except RuntimeError as error:
        raise RunError(
            f"{checkpoint.path} does not fit {run.config.experiment} as it is defined now: "
            f"{' '.join(str(error).split())[:200]}"
        ) from error
    return plan, agent.eval(), int(checkpoint.counters["learner_steps"])


def evaluate(run: RunDir, episodes: int, seed: int, which: str = "latest") -> dict[str, Any]:
    """Play ``episodes`` episodes without exploration; returns results by name, ready for JSON."""
    plan, agent, learner_steps = load(run, which)
    try:
        evaluation = plan.evaluate(agent, episodes, seed)
    except BrokenTaskError as error:
        raise RunError(str(error)) from error
    results = {
        "run": str(run.path),
        "checkpoint": which,
        "learner_steps": learner_steps,
        "episodes": len(evaluation.episodes),
        "seed": seed,
        **_summary(evaluation),
    }
    tasks = evaluation.per_task()
    if len(tasks) > 1:
        family = (plan.stage.evaluation_tasks or plan.stage.tasks).family
        results["per_task"] = {
            family.name(task): dict(zip(("dynamics", "goal"), family.cell(task), strict=True))
            | _summary(one)
            for task, one in tasks.items()
        }
    return results


def film(
    run: RunDir, out: Path, episodes: int, seed: int, which: str = "latest"
) -> list[EpisodeResult]:
    """Write a film of ``episodes`` episodes to ``out``."""
    from skill_train.actors import video

    plan, agent, _ = load(run, which)
    tasks = plan.stage.evaluation_tasks or plan.stage.tasks
    make = partial(plan.make, render_mode="rgb_array")
    try:
        return video.record(agent, make, tasks.tasks, episodes, seed, out)
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        raise RunError(f"cannot film to {out}: {' '.join(str(error).split())}") from error


def film_skills(
    run: RunDir, out: Path, panels: int, seconds: float, seed: int, which: str = "latest"
) -> None:
    """Write a film of randomly drawn skills in ``panels`` environments.

    The skills are those that the run acts through, or else those that its agent has learned.
    """
    from skill_train.actors import video

    plan, agent, _ = load(run, which)
    try:
        skills = skills_of(plan.stage, plan.source) or agent.skills()
    except ValueError as error:
        raise RunError(f"{run.path} has no skills to show: {error}") from error
    tasks = plan.stage.tasks
    make = partial(tasks.make, render_mode="rgb_array")
    try:
        video.record_grid(skills, make, tasks.tasks, panels, seconds, seed, out)
    except (OSError, RuntimeError, ValueError) as error:
        raise RunError(f"cannot film to {out}: {' '.join(str(error).split())}") from error


def _summary(evaluation: Evaluation) -> dict[str, Any]:
    lengths = [episode.length for episode in evaluation.episodes]
    summary: dict[str, Any] = {
        "return_mean": evaluation.return_mean,
        "episode_length": sum(lengths) / len(lengths),
    }
    if evaluation.success_rate is not None:
        summary["success_rate"] = evaluation.success_rate
    if evaluation.return_per_episode:
        summary["return_per_episode"] = list(evaluation.return_per_episode)
    return summary

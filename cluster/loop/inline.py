"""A whole run in one process, seeded: two runs with the same seed are the same, bit for bit."""

from __future__ import annotations

import math
import os
import socket
from typing import Any

import torch

from skill_train.actors.actor import Actor
from skill_train.actors.vector_env import BrokenTaskError
from skill_train.cluster.errors import RunError
from skill_train.cluster.loop.driver import Driver
from skill_train.cluster.plan.build import FINAL_EVALUATION_SEED, Plan, component_seed
from skill_train.cluster.store.run_dir import RunDir
from skill_train.learners.allocator import keep_freed_memory
from skill_train.learners.feed import Batches
from skill_train.learners.graphed import make_learner
from skill_train.learners.learner import NonFiniteLossError, best_device
from skill_train.learners.loop import LearnerLoop
from skill_train.replay.in_memory import InMemoryReplay


def run(plan: Plan, run_dir: RunDir) -> dict[str, Any]:
    """Carry out a plan until its limits, or a signal; resumes from the run's checkpoint.

    Uses one actor, with the stage's number of environments, whatever its number of actors.
    Returns the final results by name.
    """
    with run_dir.claim(), Driver(plan.stage, run_dir) as driver:
        keep_freed_memory()
        torch.set_num_threads(1)  # small networks are faster so, and sums always come out alike
        try:
            loop = InlineLoop(plan, run_dir, driver)
        except (ValueError, RuntimeError) as error:  # what the agent, or the tables, do not take
            reason = " ".join(str(error).split())[:600]
            raise RunError(f"{run_dir.path} cannot go on from where it stands: {reason}") from error
        try:
            loop.train()
            return loop.finish()
        except (NonFiniteLossError, BrokenTaskError) as error:
            raise RunError(str(error)) from error
        finally:
            loop.close()


class InlineLoop:
    """Turns of acting and learning, as far as the tables' limits let either go on."""

    def __init__(self, plan: Plan, run_dir: RunDir, driver: Driver) -> None:
        self._plan, self._run, self._driver = plan, run_dir, driver
        checkpoint = run_dir.load_latest()
        steps = 0 if checkpoint is None else int(checkpoint.counters["env_steps"])
        acting_agent = plan.agent("actor")
        agent = plan.agent("learner")
        self._replay = InMemoryReplay(plan.schema, component_seed(plan.seed, "replay"))
        writer = self._replay.writer(plan.stage.actors.environments)
        self._learner = make_learner(agent, best_device())
        batches = Batches(self._replay.reader(), plan.schema.draws, self._learner.device)
        self._loop = LearnerLoop(self._learner, batches, plan.schema)
        self._rounds = plan.rounds(actors=1)
        self._round = -1
        self._between_rounds = True
        if checkpoint is not None:
            self._loop.load_state_dict(checkpoint.learner_state)
            if checkpoint.replay is not None:
                self._replay.load(checkpoint.replay)
            driver.restore(checkpoint.counters)
        self._actor: Actor = plan.actor(0, acting_agent, writer, steps)

    def train(self) -> None:
        """Act, then learn, then act again."""
        self._driver.running()
        self._driver.say("training in this process")
        while not self._driver.over():
            acted, learned = self._act(), self._learn()
            if not acted and not learned:
                raise RunError(
                    "neither the actor nor the learner can go on: the tables' limits do not fit "
                    "together (min_items or samples_per_insert against the batch size)"
                )
            if self._driver.evaluation_due():
                steps = self._driver.progress.env_steps
                self._evaluate(self._plan.stage.evaluation.episodes, seed=steps)
            if self._driver.checkpoint_due():
                self._save()
            self._driver.tick(self._components())

    def finish(self) -> dict[str, Any]:
        """Last checkpoint, and unless the run was stopped, the final evaluation."""
        self._save()
        if not self._driver.stopping:
            self._driver.say("final evaluation")
            self._evaluate(self._plan.stage.evaluation.final_episodes, FINAL_EVALUATION_SEED)
        self._driver.tick(self._components(), force=True)
        return self._driver.results()

    def close(self) -> None:
        """Close the environments."""
        self._actor.close()

    def _act(self) -> bool:
        steps = self._plan.stage.learning.inline_env_steps
        if self._rounds is None or self._between_rounds:
            self._actor.set_weights(self._learner.acting_weights(), self._learner.steps)
        if self._rounds is None:
            report = self._actor.run(steps, flush_timeout_s=0.0)
        else:
            if self._between_rounds:
                self._round += 1
                self._actor.begin(self._rounds.share(0, self._round))
            report = self._actor.collect(steps, flush_timeout_s=0.0)
            self._between_rounds = report.done
        self._driver.progress.add_actor(report, report.policy_version)
        self._driver.progress.set_replay(self._replay.info())
        # Where every episode ends at once, a turn may go by with resets alone.
        return report.env_steps > 0 or not report.blocked

    def _learn(self) -> bool:
        before = self._learner.steps
        report = self._loop.learn(math.inf, self._plan.stage.learning.inline_updates)
        if report.steps > before:
            self._driver.progress.set_learner(report.steps, report.metrics)
        self._driver.note_refused(report.metrics)
        return report.steps > before

    def _evaluate(self, episodes: int, seed: int) -> None:
        self._actor.set_weights(self._learner.acting_weights(), self._learner.steps)
        self._driver.add_evaluation(self._plan.evaluate(self._actor.agent, episodes, seed))

    def _save(self) -> None:
        progress = self._driver.progress
        self._run.save_checkpoint(
            progress.counters(),
            self._learner.state_dict(),
            self._replay.save,
            score=progress.score,
            keep=self._plan.stage.checkpoints.keep,
        )

    def _components(self) -> list[dict[str, Any]]:
        roles = ("replay", "learner", "actor", "evaluator")
        self._driver.progress.set_health(actors_alive=1, restarts=0)
        here = {"pid": os.getpid(), "address": socket.gethostname(), "restarts": 0}
        return [{"role": role, "name": role, **here} for role in roles]

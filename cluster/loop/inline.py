"""A whole run in one process: two runs with the same seed are the same, bit for bit."""

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
from skill_train.experiments.spec import Learning
from skill_train.learners.allocator import keep_freed_memory
from skill_train.learners.feed import Batches
from skill_train.learners.graphed import make_learner
from skill_train.learners.learner import NonFiniteLossError, best_device
from skill_train.learners.loop import LearnerLoop
from skill_train.replay.in_memory import InMemoryReplay


def run(plan: Plan, run_dir: RunDir) -> dict[str, Any]:
    """Carry out a plan until a limit or a signal, from the run's checkpoint if it has one.

    Uses one actor, with the stage's number of environments, whatever its number of actors.
    Returns the final results by name.
    """
    with run_dir.claim(), Driver(plan.stage, run_dir) as driver:
        keep_freed_memory()
        torch.set_num_threads(1)  # faster for small networks, and sums are always the same
        try:
            loop = InlineLoop(plan, run_dir, driver)
        except (ValueError, RuntimeError) as error:  # the agent or the tables refuse the checkpoint
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
    """Alternate acting and learning, each as far as the tables' limiters allow.

    A stage without actors learns from its data alone; a stage without learning only acts.
    """

    def __init__(self, plan: Plan, run_dir: RunDir, driver: Driver) -> None:
        self._plan, self._run, self._driver = plan, run_dir, driver
        checkpoint = run_dir.checkpoints.load_latest()
        steps = 0 if checkpoint is None else int(checkpoint.counters["env_steps"])
        self._agent = plan.agent("actor").eval()
        self._learner = make_learner(plan.agent("learner"), best_device())
        self._replay = InMemoryReplay(plan.schema, component_seed(plan.seed, "replay"))
        batches = Batches(self._replay.reader(), plan.schema.draws, self._learner.device)
        self._loop = LearnerLoop(self._learner, batches, plan.schema)
        self._rounds = plan.rounds(actors=1)
        self._round = -1
        self._between_rounds = True
        if checkpoint is not None:
            self._loop.load_state_dict(checkpoint.learner_state)
            driver.restore(checkpoint.counters)
        if checkpoint is not None and checkpoint.replay is not None:
            self._replay.load(checkpoint.replay)
        else:
            self._fill()
        self._actor: Actor | None = None
        if plan.stage.actors is not None:
            writer = self._replay.writer(plan.actors.environments)
            self._actor = plan.actor(0, self._agent, writer, steps)

    def train(self) -> None:
        """Act and learn in turn until the run is over."""
        self._driver.running()
        self._driver.say("training in this process")
        while not self._driver.over():
            acted = self._actor is not None and self._act(self._actor)
            learning = self._plan.stage.learning
            learned = learning is not None and self._learn(learning.inline_updates)
            if not acted and not learned:
                raise RunError(
                    "neither the actor nor the learner can go on: the tables' limits do not fit "
                    "together (min_items or samples_per_insert against the batch size)"
                )
            if self._driver.evaluation_due():
                progress = self._driver.progress
                seed = progress.env_steps or progress.learner_steps
                self._evaluate(self._plan.stage.evaluation.episodes, seed)
            if self._driver.checkpoint_due():
                self._save()
            self._driver.tick(self._components())

    def finish(self) -> dict[str, Any]:
        """Write the last checkpoint and, unless the run was stopped, make the final evaluation."""
        self._save()
        if not self._driver.stopping:
            self._driver.say("final evaluation")
            self._evaluate(self._plan.stage.evaluation.final_episodes, FINAL_EVALUATION_SEED)
        self._driver.tick(self._components(), force=True)
        return self._driver.results()

    def close(self) -> None:
        """Close the actor's environments."""
        if self._actor is not None:
            self._actor.close()

    def _fill(self) -> None:
        """Put the stage's data into the tables; raises ValueError where a table gets none."""
        if self._plan.stage.data is None:
            return
        self._driver.say("filling the tables")
        self._plan.fill(self._replay.writer(1))
        tables = self._replay.info()
        empty = [name for name, table in tables.items() if table.size == 0]
        if empty:
            raise ValueError(f"the data leave tables empty: {', '.join(empty)}")
        self._driver.progress.set_replay(tables)

    def _act(self, actor: Actor) -> bool:
        steps = (self._plan.stage.learning or Learning()).inline_env_steps
        if self._rounds is None or self._between_rounds:
            actor.set_weights(self._learner.acting_weights(), self._learner.steps)
        if self._rounds is None:
            report = actor.run(steps, flush_timeout_s=0.0)
        else:
            if self._between_rounds:
                self._round += 1
                actor.begin(self._rounds.share(0, self._round))
            report = actor.collect(steps, flush_timeout_s=0.0)
            self._between_rounds = report.done
        self._driver.progress.add_actor(report, report.policy_version)
        self._driver.progress.set_replay(self._replay.info())
        # Where every episode ends at once, a turn may consist of resets alone.
        return report.env_steps > 0 or not report.blocked

    def _learn(self, updates: int) -> bool:
        before = self._learner.steps
        report = self._loop.learn(math.inf, updates)
        if report.steps > before:
            self._driver.progress.set_learner(report.steps, report.metrics)
        self._driver.note_refused(report.metrics)
        return report.steps > before

    def _evaluate(self, episodes: int, seed: int) -> None:
        weights = self._learner.acting_weights()
        if self._actor is not None:
            self._actor.set_weights(weights, self._learner.steps)
        else:
            self._agent.load_acting_weights(weights)
        self._driver.add_evaluation(self._plan.evaluate(self._agent, episodes, seed))

    def _save(self) -> None:
        progress = self._driver.progress
        self._run.checkpoints.save(
            progress.counters(),
            self._learner.state_dict(),
            self._replay.save if self._actor is not None else None,  # data can be read again
            score=progress.score,
            keep=self._plan.stage.checkpoints.keep,
        )

    def _components(self) -> list[dict[str, Any]]:
        actors = ("actor",) if self._actor is not None else ()
        roles = ("replay", "learner", *actors, "evaluator")
        self._driver.progress.set_health(actors_alive=len(actors), restarts=0)
        here = {"pid": os.getpid(), "address": socket.gethostname(), "restarts": 0}
        return [{"role": role, "name": role, **here} for role in roles]

"""Environments, each a gymnasium.Env registered as skill/NAME.

Importing this package registers them; the code of a task is imported when it is made.
"""

from gymnasium.envs.registration import register

_BODIES = ("Ball", "Ant", "Quadruped")
_MANIPULATION = (
    "MoveBoxEasy",
    "MoveBoxMid",
    "MoveBoxHard",
    "MoveBoxHeavy",
    "Gather",
    "MoveBoxOrGoToTarget",
    "MoveBoxAndGoToTarget",
)


# Episodes are limited by the environments themselves (their argument ``episode_steps``), so that
# a length given to gymnasium.make reaches the task.
def _register_arena_task(name: str, entry_point: str, **kwargs: str) -> None:
    """``skill/NAME-BODY-v0``, and ``skill/NAME-BODY-Vision-v0`` with a camera, for all bodies."""
    for body in _BODIES:
        state = {"body": body.lower(), **kwargs}
        register(id=f"skill/{name}-{body}-v0", entry_point=entry_point, kwargs=state)
        seen = {**state, "vision": True}
        register(id=f"skill/{name}-{body}-Vision-v0", entry_point=entry_point, kwargs=seen)


_register_arena_task("GoToTarget", "skill_train.tasks.arena.go_to_target:GoToTarget")
_register_arena_task("Gap", "skill_train.tasks.arena.gap:GapTask")
for _task in _MANIPULATION:
    _register_arena_task(_task, "skill_train.tasks.arena.manipulation:Manipulation", task=_task)
# Appendix A: one target, and control steps and episodes as in the walking task.
register(id="skill/Walking-Humanoid-v0", entry_point="skill_train.tasks.arena.walking:Walking")
register(
    id="skill/GoToTarget-Humanoid-v0",
    entry_point="skill_train.tasks.arena.go_to_target:GoToTarget",
    kwargs={"body": "humanoid", "num_targets": 1, "control_step": 0.025, "episode_steps": 800},
)
for _n in (1, 4, 8):
    register(
        id=f"skill/Grid-{_n}step-v0",
        entry_point="skill_train.tasks.grid:Grid",
        kwargs={"body_steps": _n},
    )
register(
    id="skill/CartPole-v0",
    entry_point="skill_train.tasks.cartpole:CartPole",
    vector_entry_point="skill_train.tasks.cartpole:VectorCartPole",
)
register(id="skill/Reacher-v0", entry_point="skill_train.tasks.reacher:Reacher")
register(
    id="skill/GoalGrid-v0",
    entry_point="skill_train.tasks.goal_grid:GoalGrid",
    vector_entry_point="skill_train.tasks.goal_grid:VectorGoalGrid",
)
register(
    id="skill/PointRobot-v0",
    entry_point="skill_train.tasks.point_robot:PointRobot",
    vector_entry_point="skill_train.tasks.point_robot:VectorPointRobot",
)
for _task in ("HalfCheetahVel", "HalfCheetahDir", "AntDir", "AntGoal"):
    register(
        id=f"skill/{_task}-v0",
        entry_point="skill_train.tasks.meta_locomotion:make_trials",
        kwargs={"task": _task},
    )
register(
    id="skill/MovingGoalReacher-v0", entry_point="skill_train.tasks.moving_goal:MovingGoalReacher"
)
register(
    id="skill/AsteroidCartPole-v0",
    entry_point="skill_train.tasks.asteroids:AsteroidCartPole",
    vector_entry_point="skill_train.tasks.asteroids:VectorAsteroidCartPole",
)

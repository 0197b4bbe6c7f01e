"""Environments, each a gymnasium.Env registered as skill/NAME.

``import tasks`` registers them; the code of a task is imported when it is made.
"""

from gymnasium.envs.registration import register

# Episodes are limited by the environments themselves (their argument ``episode_steps``), so that
# a length given to gymnasium.make reaches the task.
register(
    id="skill/GoToTarget-Ball-v0",
    entry_point="tasks.go_to_target:GoToTarget",
    kwargs={"body": "ball"},
)
for _n in (1, 4, 8):
    register(id=f"skill/Grid-{_n}step-v0", entry_point="tasks.grid:Grid", kwargs={"body_steps": _n})
register(
    id="skill/CartPole-v0",
    entry_point="tasks.cartpole:CartPole",
    vector_entry_point="tasks.cartpole:VectorCartPole",
)
register(id="skill/Reacher-v0", entry_point="tasks.reacher:Reacher")

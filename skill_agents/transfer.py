"""What an agent takes over from a trained one: named parts are copied, and some of them frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from skill_train.skill_agents.agent import Agent


@dataclass(frozen=True)
class Transfer:
    """Parts by the names of an agent's submodules, such as ``policy`` or ``policy.low``.

    What is not copied starts afresh and is learned, and so are copied parts that are not frozen.
    """

    copy: tuple[str, ...]
    """Taken from the trained agent, parameters and running statistics alike."""
    freeze: tuple[str, ...] = ()
    """Never changed by the learner."""
    copy_as: Mapping[str, str] = field(default_factory=dict)
    """The agent's part -> the trained agent's, where it goes by another name there; one of its
    parts may serve several of ours."""

    def apply(self, agent: Agent, source: Mapping[str, Tensor]) -> None:
        """Change ``agent`` in place; ``source`` is the trained agent's ``state_dict()``.

        Raises ValueError where either agent has no such part, or theirs differ in shape.
        """
        own = agent.state_dict()
        for part, name in {**{part: part for part in self.copy}, **self.copy_as}.items():
            mine = _of(part, own)
            theirs = {part + key[len(name) :]: v for key, v in _of(name, source).items()}
            _refuse_misfit(part, mine, theirs)
            agent.load_state_dict({**agent.state_dict(), **theirs})
        for part in self.freeze:
            if not _of(part, own):
                raise ValueError(f"cannot freeze {part!r}: the agent has {_parts(own)}")
            for name, parameter in agent.named_parameters():
                if _is_in(part, name):
                    parameter.requires_grad_(False)


def _of(part: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if _is_in(part, name)}


def _is_in(part: str, name: str) -> bool:
    return name == part or name.startswith(part + ".")


def _refuse_misfit(part: str, mine: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> None:
    if not mine or not theirs:
        whose = "agent" if not mine else "source"
        raise ValueError(f"cannot copy {part!r}: the {whose} has no part of that name")
    if mine.keys() != theirs.keys():
        odd = sorted(mine.keys() ^ theirs.keys())
        raise ValueError(f"cannot copy {part!r}: only one of the two agents has {', '.join(odd)}")
    for name, value in mine.items():
        if value.shape != theirs[name].shape:
            raise ValueError(
                f"cannot copy {part!r}: {name} has shape {tuple(theirs[name].shape)} in the "
                f"source and {tuple(value.shape)} in the agent"
            )


def _parts(state: Mapping[str, Tensor]) -> str:
    return ", ".join(sorted({name.partition(".")[0] for name in state}))

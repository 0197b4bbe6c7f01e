"""Transfer from a trained agent: named parts are copied, and some of them frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from skill_train.skill_agents.agent import Agent


@dataclass(frozen=True)
class Transfer:
    """Parts to copy and to freeze, as names of submodules such as ``policy`` or ``policy.low``.

    Parts that are not copied start afresh; all parts that are not frozen are learned.
    """

    copy: tuple[str, ...]
    """Parts copied from the trained agent, parameters and running statistics alike."""
    freeze: tuple[str, ...] = ()
    """Parts that the learner never changes."""
    copy_as: Mapping[str, str] = field(default_factory=dict)
    """The agent's part -> the trained agent's part that it copies, where the names differ; a part
    may be copied more than once."""

    def apply(self, agent: Agent, source: Mapping[str, Tensor]) -> None:
        """Copy and freeze parts of ``agent``; ``source`` is the trained agent's ``state_dict()``.

        Raises ValueError if either agent lacks a part, or the shapes differ.
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

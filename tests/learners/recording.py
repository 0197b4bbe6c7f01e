"""A CUDA graph in miniature, on the CPU: operations are recorded and done again without Python.

As with the real one, every operation works on the very tensors of the recording, random numbers
go on, and whatever Python decided or changed while recording is not done again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

HOST_WAITS = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
FROM_THE_HOST = "aten.lift_fresh.default"
"""What `torch.tensor` makes of Python's numbers; on a GPU a copy that is waited for."""


class HostWaits(TorchDispatchMode):
    """Names of the operations whose result or shape the host would have to wait for on a GPU."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        if HOST_WAITS & set(operation.tags) or str(operation) == FROM_THE_HOST:
            self.names.append(str(operation))
        return operation(*args, **(kwargs or {}))


class _Recorder(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.tape: list[tuple[Any, tuple, dict, Any]] = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        if HOST_WAITS & set(operation.tags):
            raise RuntimeError(f"{operation} cannot be captured")
        result = operation(*args, **(kwargs or {}))
        self.tape.append((operation, args, kwargs or {}, result))
        return result

    def replay(self) -> None:
        with torch.no_grad():
            for operation, args, kwargs, result in self.tape:
                again = operation(*args, **kwargs)
                returns = operation._schema.returns
                if len(returns) <= 1:  # nothing, one tensor, or one list of them
                    result, again = (result,)[: len(returns)], (again,)[: len(returns)]
                for told, old, new in zip(returns, result, again, strict=True):
                    if told.alias_info is None:  # else a view, or changed in place
                        _overwrite(old, new)


def _overwrite(old: Any, new: Any) -> None:
    if isinstance(old, torch.Tensor):
        old.copy_(new)
    elif isinstance(old, list | tuple):
        for one, other in zip(old, new, strict=True):
            _overwrite(one, other)


class RecordingGraphs:
    """`learners.graphed.Graphs` for a CPU."""

    def __init__(self) -> None:
        self.recorded = 0

    def warm_up(self, work: Callable[[], None]) -> bool:
        waits = HostWaits()
        with waits:
            work()
        return bool(waits.names)

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Recording does the work, so the first replay is left out."""
        recorder = _Recorder()
        with recorder:
            work()
        self.recorded += 1
        done = [True]

        def replay() -> None:
            if done:
                done.pop()
            else:
                recorder.replay()

        return replay

"""A Ray cluster that is joined, or started on this machine for the length of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray.exceptions import RayError

from skill_train.cluster.errors import RunError
from skill_train.cluster.over_ray.ray_token import make_token
from skill_train.cluster.plan import outside

OBJECT_STORE_BYTES = 256 << 20
"""Bytes of Ray's object store, which has weights and reports only; rows go through Reverb."""


@contextmanager
def ray_session(address: str | None, cpus: int) -> Iterator[None]:
    """Ray at ``address``, or a local one with ``cpus`` logical CPUs that ends with the block.

    Raises RunError where no cluster answers.
    """
    try:
        if address is not None:
            ray.init(
                address=address,
                log_to_driver=False,
                logging_level="ERROR",
                runtime_env=_code(),
            )
        else:
            make_token()
            ray.init(
                address="local",
                num_cpus=cpus,
                include_dashboard=False,
                object_store_memory=OBJECT_STORE_BYTES,
                log_to_driver=False,
                logging_level="ERROR",
                runtime_env={"env_vars": {"OMP_NUM_THREADS": "1"}, **_code()},
            )
    except (RayError, OSError, RuntimeError, ValueError) as error:
        where = f"the Ray cluster at {address}" if address else "Ray on this machine"
        reason = str(error).strip().splitlines()[0]
        if "AF_UNIX" in reason:
            reason = f"the path of its sockets is too long; set TMPDIR to a shorter one ({reason})"
        raise RunError(f"cannot reach {where}: {reason}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _code() -> dict[str, Any]:
    """The part of Ray's runtime environment that carries the user's own modules to every node."""
    modules = outside.not_installed()
    return {"py_modules": modules} if modules else {}

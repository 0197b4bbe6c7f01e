"""Items per second read and stacked from a Reverb server in another process, as JSON.

A server process holds one table of windows; writer processes keep filling it; this process draws
batches ``[T+1, B, ...]`` through `ReverbReader`, as a learner does. With ``--load``, one more
process multiplies matrices throughout, in place of a working learner.

    python benchmarks/speed/replay_read.py --load --seconds 10
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import time
from typing import Any

import numpy as np

from skill_train.replay.reader import ReverbReader
from skill_train.replay.schema import Schema
from skill_train.replay.server import ReverbReplay
from skill_train.replay.step import ArraySpec, RowLayout, Step, step_spec
from skill_train.replay.tables import Draw, windows
from skill_train.replay.writer import ReverbWriter

_SPAWN = multiprocessing.get_context("spawn")
_ROW = step_spec(
    {"proprioception": ArraySpec((48,)), "goal": ArraySpec((3,))},
    ArraySpec((8,)),
    {"log_mu": ArraySpec(()), "latent": ArraySpec((8,))},
)


def _serve(pipe: Any, schema: Schema) -> None:
    replay = ReverbReplay(schema)
    pipe.send(replay.address)
    while pipe.recv() == "info":
        pipe.send(dict(replay.info()))
    replay.close()


def _write(address: str, schema: Schema, num_streams: int, rate: float, stop: Any) -> None:
    # Rows differ from each other, as real ones do: Reverb compresses repetitions away.
    rng = np.random.default_rng(0)
    rows = [_random_rows(rng, schema.layout, num_streams) for _ in range(97)]
    writer = ReverbWriter(schema, address, num_streams, run_ahead=32)
    started, steps = time.monotonic(), 0
    while not stop.is_set():
        writer.append(rows[steps % len(rows)])
        writer.flush(0.1)
        steps += 1
        ahead = steps * num_streams / rate - (time.monotonic() - started)
        if ahead > 0.01:
            stop.wait(ahead)


def _random_rows(rng: np.random.Generator, layout: RowLayout, num_streams: int) -> Step:
    rows = layout.views(layout.zeros(num_streams))
    for array in (*rows.observation.values(), rows.action, *rows.extras.values()):
        array[...] = rng.normal(size=array.shape)
    return rows


def _burn(stop: Any) -> None:
    import torch

    torch.set_num_threads(1)
    a = torch.randn(512, 512)
    while not stop.is_set():
        for _ in range(20):
            a @ a


def main() -> None:
    """Measure once and print the rates."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--length", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--writers", type=int, default=1)
    parser.add_argument("--rows-per-s", type=float, default=5000.0, help="of each writer")
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--load", action="store_true", help="multiply matrices meanwhile")
    args = parser.parse_args()

    table = windows("w", args.length, 20_000, min_items=1000)
    schema = Schema((table,), {"batch": Draw("w", args.batch)}, _ROW)
    pipe, theirs = _SPAWN.Pipe()
    stop = _SPAWN.Event()
    processes = [_SPAWN.Process(target=_serve, args=(theirs, schema), daemon=True)]
    processes[0].start()
    address = pipe.recv()
    processes += [
        _SPAWN.Process(
            target=_write, args=(address, schema, 16, args.rows_per_s, stop), daemon=True
        )
        for _ in range(args.writers)
    ]
    if args.load:
        processes.append(_SPAWN.Process(target=_burn, args=(stop,), daemon=True))
    for process in processes[1:]:
        process.start()

    reader = ReverbReader(schema, address, args.in_flight)
    for _ in range(3):
        if reader.next("batch", 120.0) is None:
            raise SystemExit("no batch came within two minutes")
    pipe.send("info")
    before = pipe.recv()["w"]
    batches, waits, started = 0, [], time.perf_counter()
    while time.perf_counter() - started < args.seconds:
        asked = time.perf_counter()
        if reader.next("batch", 60.0) is None:
            raise SystemExit("no batch came within a minute")
        waits.append(time.perf_counter() - asked)
        batches += 1
    elapsed = time.perf_counter() - started
    pipe.send("info")
    after = pipe.recv()["w"]
    stop.set()
    pipe.send("close")
    reader.close()
    for process in processes:
        process.join(20)

    result = {
        "items_per_s": round(batches * args.batch / elapsed),
        "batches_per_s": round(batches / elapsed, 2),
        "median_ms_per_batch": round(1000 * float(np.median(waits)), 2),
        "items_written_per_s": round((after.inserted - before.inserted) / elapsed),
        "row_bytes": schema.layout.row_bytes,
        "rows_per_item": args.length + 1,
        "batch": args.batch,
        "in_flight": args.in_flight,
        "writers": args.writers,
        "load": args.load,
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()

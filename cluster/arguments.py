"""The arguments of ``skill-train``: every command, its options, and their help texts."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NoReturn

from skill_train.cluster.errors import RunError
from skill_train.cluster.store.records import MAX_SEED


class Parser(argparse.ArgumentParser):
    """A parser whose errors are RunErrors."""

    def error(self, message: str) -> NoReturn:
        """Raise a RunError with ``message`` and the command that shows the right usage."""
        raise RunError(f"{message} (see {self.prog} --help)")


def parser() -> argparse.ArgumentParser:
    """The parser of ``skill-train``'s commands, with ``name`` for that given. Raises RunErrors."""
    whole = Parser(prog="skill-train", description="Train agents with skills.", allow_abbrev=False)
    commands = whole.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, text: str, **options: Any) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text, allow_abbrev=False, **options)
        one.set_defaults(name=name)
        return one

    one = command("list", "List the measured experiments, those asked for, or one and its fields.")
    one.add_argument(
        "experiment",
        nargs="?",
        metavar="NAME | WORD",
        help="an experiment, to see its fields; or a word of a name, a summary or a figure",
    )
    one.add_argument("--paper", metavar="P", help="all experiments of a paper, such as vate")
    one.add_argument(
        "--max-hours", type=_hours, metavar="H", help="only those known to take H hours at most"
    )
    one.add_argument("--all", action="store_true", help="every experiment")
    add_modules(one)
    _add_json(one)

    one = command(
        "run",
        "Train an experiment.",
        usage="%(prog)s EXPERIMENT [options] [--FIELD VALUE ...]",
        epilog="--FIELD overrides any field of the experiment, such as --limits.minutes 5; "
        "skill-train list EXPERIMENT shows them all.",
    )
    one.add_argument(
        "experiment",
        metavar="EXPERIMENT",
        help="a name from skill-train list, or one of your own: FILE.py, FILE.py:VARIABLE or "
        "MODULE:VARIABLE",
    )
    one.add_argument("--actors", type=int, metavar="N", help="actor processes")
    one.add_argument("--seed", type=_seed, default=0, metavar="S")
    one.add_argument("--run-dir", type=Path, metavar="DIR", help="default: runs/EXPERIMENT-TIME")
    one.add_argument(
        "--from",
        dest="source",
        metavar="RUN",
        help="the run to start from, where the experiment comes after another; "
        "default: train that one first",
    )
    add_modules(one)
    one.add_argument("--inline", action="store_true", help="in one process, deterministic")
    one.add_argument("--address", metavar="A", help="a Ray cluster to join; default: start one")
    one.add_argument("--tiny", action="store_true", help="a form that takes seconds, to try it out")
    one.add_argument(
        "--show", action="store_true", help="at the end, write curve.png and video.mp4 into the run"
    )

    one = command("resume", "Go on with a run from its last checkpoint.")
    _add_run(one)
    add_modules(one)
    one.add_argument("--address", metavar="A", help="a Ray cluster to join; default: start one")

    one = command("status", "Show the state of one run, or of every run below runs/.")
    one.add_argument("run", nargs="?", metavar="RUN")
    _add_json(one)

    one = command("stop", "Ask a run to save and end, and wait for it.")
    _add_run(one)

    one = command("eval", "Play episodes without exploration.")
    _add_run(one)
    _add_episodes(one, 100)
    _add_json(one)

    one = command("bounds", "Show the exact returns of the best possible agents in an experiment.")
    one.add_argument("experiment", metavar="EXPERIMENT", help="a name from skill-train list")
    _add_json(one)

    one = command("plot", "Draw learning curves; runs of the same settings become a band.")
    one.add_argument("run", nargs="+", metavar="RUN")
    one.add_argument("--out", type=Path, required=True, metavar="FILE.png")
    one.add_argument("--x", choices=("env_steps", "learner_steps", "minutes"), default="env_steps")

    one = command(
        "figure",
        "Draw a figure or a table of a paper from finished runs.",
        usage="%(prog)s [NAME RUN ... [options]]",
        epilog="Without a name: list all figures and the runs that they take.",
    )
    one.add_argument("figure", nargs="?", metavar="NAME", help="NAME --help shows its options")
    one.add_argument("arguments", nargs=argparse.REMAINDER, metavar="RUN ...", help="its arguments")

    one = command("video", "Film episodes.")
    _add_run(one)
    one.add_argument("--out", type=Path, required=True, metavar="FILE.mp4")
    _add_episodes(one, 5)

    one = command("skills", "Film the skills of a run, drawn at random.")
    _add_run(one)
    one.add_argument("--out", type=Path, required=True, metavar="FILE.mp4")
    one.add_argument("--panels", type=_positive, default=9, metavar="N", help="panels side by side")
    one.add_argument("--seconds", type=_positive, default=15, metavar="S")
    _add_choice(one)

    one = command("dataset", "Write a run's rows as a Minari dataset, one for each of its tasks.")
    _add_run(one)
    add_modules(one)
    one.add_argument(
        "--out", required=True, metavar="NAME", help="a Minari name, such as reacher/mixed-v0"
    )

    one = command("latents", "Draw the latents of one episode, step by step.")
    _add_run(one)
    one.add_argument("--out", type=Path, required=True, metavar="FILE.png")
    _add_choice(one)
    return whole


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run's directory, or its name below runs/")


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def _add_episodes(parser: argparse.ArgumentParser, episodes: int) -> None:
    parser.add_argument("--episodes", type=_positive, default=episodes, metavar="N")
    _add_choice(parser)


def add_modules(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--module``, for commands that make environments of a run."""
    parser.add_argument(
        "--module",
        dest="modules",
        action="append",
        default=[],
        metavar="MODULE",
        help="a module, or a FILE.py, with environments or experiments that are not of this "
        "package; may be given again",
    )


def _add_choice(parser: argparse.ArgumentParser) -> None:
    add_modules(parser)
    parser.add_argument("--seed", type=_seed, default=0, metavar="S")
    parser.add_argument("--checkpoint", choices=("latest", "best"), default="latest")


def _positive(text: str) -> int:
    if int(text) < 1:
        raise ValueError
    return int(text)


def _hours(text: str) -> float:
    if not float(text) >= 0.0:
        raise ValueError
    return float(text)


def _seed(text: str) -> int:
    if not 0 <= int(text) <= MAX_SEED:
        raise ValueError
    return int(text)


# argparse names these in its errors.
_positive.__name__ = "positive whole number"
_hours.__name__ = "number of hours"
_seed.__name__ = f"whole number from 0 to {MAX_SEED}"

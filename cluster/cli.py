"""``skill-train``: the command line. What can go wrong is told in one sentence, exit status 2."""

from __future__ import annotations

import argparse
import errno
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from cluster.errors import RunError
from cluster.run_dir import RunDir, all_runs

# What needs torch, Ray or a simulator is imported by the command that needs it: --help is quick.


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command; returns the exit status."""
    logging.basicConfig(format="skill-train: %(message)s", level=logging.WARNING)
    try:
        parser = _parser()
        args, rest = parser.parse_known_args(argv)
        if rest and args.command is not _run:
            raise RunError(f"{args.name} does not take {rest[0]!r}; see skill-train {args.name} -h")
        args.overrides = rest
        args.command(args)
    except RunError as error:
        print(f"skill-train: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # nobody reads any more; nothing to say at exit either
        return 141
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = error.filename or "where the run is written"
        print(f"skill-train: the disk is full: {where}; free some space", file=sys.stderr)
        return 2
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise RunError(f"{message} (see {self.prog} --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="skill-train", description="Train agents with skills.", allow_abbrev=False
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, function: Any, text: str, **options: Any) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text, allow_abbrev=False, **options)
        one.set_defaults(command=function, name=name)
        return one

    one = command("list", _list, "Show the experiments, or the fields of one.")
    one.add_argument("experiment", nargs="?", help="show the fields that can be overridden")
    _add_json(one)

    one = command(
        "run",
        _run,
        "Train.",
        usage="%(prog)s EXPERIMENT [options] [--FIELD VALUE ...]",
        epilog="--FIELD overrides any field of the experiment, such as --limits.minutes 5; "
        "skill-train list EXPERIMENT shows them all.",
    )
    one.add_argument("experiment", metavar="EXPERIMENT", help="a name from skill-train list")
    one.add_argument("--actors", type=int, metavar="N", help="actor processes")
    one.add_argument("--seed", type=int, default=0, metavar="S")
    one.add_argument("--run-dir", type=Path, metavar="DIR", help="default: runs/EXPERIMENT-TIME")
    one.add_argument(
        "--from",
        dest="source",
        metavar="RUN",
        help="the run to start from, where the experiment comes after another; "
        "default: train that one first",
    )
    one.add_argument("--inline", action="store_true", help="in one process, deterministic")
    one.add_argument("--address", metavar="A", help="a Ray cluster to join; default: start one")
    one.add_argument("--tiny", action="store_true", help="the same in seconds, to try it out")
    one.add_argument(
        "--show", action="store_true", help="at the end, leave curve.png and video.mp4 in the run"
    )

    one = command("resume", _resume, "Go on with a run from its last checkpoint.")
    _add_run(one)
    one.add_argument("--address", metavar="A", help="a Ray cluster to join; default: start one")

    one = command("status", _status, "Show how one run, or every run below runs/, stands.")
    one.add_argument("run", nargs="?", metavar="RUN")
    _add_json(one)

    one = command("stop", _stop, "Ask a run to save and end, and wait for it.")
    _add_run(one)

    one = command("eval", _eval, "Play episodes without exploration.")
    _add_run(one)
    _add_episodes(one, 100)
    _add_json(one)

    one = command("bounds", _bounds, "Show what the best agents could get in an experiment.")
    one.add_argument("experiment", metavar="EXPERIMENT", help="a name from skill-train list")
    _add_json(one)

    one = command("plot", _plot, "Draw learning curves; runs of the same settings become a band.")
    one.add_argument("run", nargs="+", metavar="RUN")
    one.add_argument("--out", type=Path, required=True, metavar="FILE.png")
    one.add_argument("--x", choices=("env_steps", "learner_steps", "minutes"), default="env_steps")

    one = command("video", _video, "Film episodes.")
    _add_run(one)
    one.add_argument("--out", type=Path, required=True, metavar="FILE.mp4")
    _add_episodes(one, 5)

    one = command(
        "skills", _skills, "Film what the agent can do: its default policy draws the latents."
    )
    _add_run(one)
    one.add_argument("--out", type=Path, required=True, metavar="FILE.mp4")
    one.add_argument("--panels", type=_positive, default=9, metavar="N", help="side by side")
    one.add_argument("--seconds", type=_positive, default=15, metavar="S")
    _add_choice(one)

    one = command("latents", _latents, "Draw the latents of one episode, step by step.")
    _add_run(one)
    one.add_argument("--out", type=Path, required=True, metavar="FILE.png")
    _add_choice(one)
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run's directory, or its name below runs/")


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


def _add_episodes(parser: argparse.ArgumentParser, episodes: int) -> None:
    parser.add_argument("--episodes", type=_positive, default=episodes, metavar="N")
    _add_choice(parser)


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument("--checkpoint", choices=("latest", "best"), default="latest")


def _positive(text: str) -> int:
    if int(text) < 1:
        raise ValueError
    return int(text)


_positive.__name__ = "positive whole number"  # argparse names it in its complaint


def _list(args: argparse.Namespace) -> None:
    from cluster import overrides, planning, report
    from experiments.registry import EXPERIMENTS

    if args.experiment is not None:
        experiment = planning.find(args.experiment)
        fields = overrides.fields(experiment.stage)
        if args.json:
            _print_json({name: {"type": k, "value": v} for name, (k, v) in fields.items()})
        else:
            print(f"{report.experiment(experiment)}\n")
            print(overrides.describe(experiment.stage))
    elif args.json:
        _print_json([report.facts(e) for e in EXPERIMENTS.values()])
    else:
        print(report.experiments(list(EXPERIMENTS.values())))


def _run(args: argparse.Namespace) -> None:
    from cluster import launch

    changes = list(args.overrides)
    if args.actors is not None:
        changes += ["--actors.count", str(args.actors)]
    run, results = launch.start(
        args.experiment,
        changes,
        args.seed,
        args.run_dir,
        tiny=args.tiny,
        inline=args.inline,
        address=args.address,
        source=RunDir.open(args.source) if args.source is not None else None,
    )
    _conclude(run, results, args.show)


def _resume(args: argparse.Namespace) -> None:
    from cluster import launch, report

    run = RunDir.open(args.run)
    if run.read_status()["state"] == "finished":
        print(report.already_finished(run))
        return
    _conclude(run, launch.resume(run, args.address), show=False)


def _conclude(run: RunDir, results: dict[str, Any], show: bool) -> None:
    """The last lines of a run: how it went and what to try next."""
    from cluster import report

    state = run.read_status()["state"]
    print(report.results(run, state, results))
    if show and state == "finished":
        for line in report.show(run):
            print(line)
    print(report.what_next(run, state, shown=show))


def _status(args: argparse.Namespace) -> None:
    from cluster import control, report

    found = (
        [control.status(RunDir.open(args.run))]
        if args.run
        else list(map(control.status, all_runs()))
    )
    if args.json:
        _print_json(found[0] if args.run else found)
    elif not found:
        print("runs/ holds no runs yet; start one with: skill-train run quickstart")
    else:
        print(report.statuses(found, components=args.run is not None))


def _stop(args: argparse.Namespace) -> None:
    from cluster import control

    run = RunDir.open(args.run)
    print(f"{run.path}: {control.stop(run)}")


def _eval(args: argparse.Namespace) -> None:
    from cluster import report, trained

    results = trained.evaluate(RunDir.open(args.run), args.episodes, args.seed, args.checkpoint)
    if args.json:
        _print_json(results)
    else:
        print(report.evaluation(results))


def _bounds(args: argparse.Namespace) -> None:
    from cluster import planning, report

    experiment = planning.find(args.experiment)
    if experiment.bounds is None:
        raise RunError(f"no bounds are known for {experiment.name}")
    found = experiment.bounds()
    if args.json:
        _print_json(found)
    else:
        print(report.bounds(found))


def _plot(args: argparse.Namespace) -> None:
    from cluster import plot

    plot.draw([RunDir.open(run) for run in args.run], args.out, args.x)
    print(f"wrote {args.out}")


def _video(args: argparse.Namespace) -> None:
    from cluster import trained

    run = RunDir.open(args.run)
    played = trained.film(run, args.out, args.episodes, args.seed, args.checkpoint)
    print(f"wrote {args.out}, {len(played)} episodes")


def _skills(args: argparse.Namespace) -> None:
    from cluster import trained

    run = RunDir.open(args.run)
    trained.film_skills(run, args.out, args.panels, args.seconds, args.seed, args.checkpoint)
    print(f"wrote {args.out}, {args.panels} environments")


def _latents(args: argparse.Namespace) -> None:
    from cluster import latents

    shown = latents.draw(RunDir.open(args.run), args.out, args.seed, args.checkpoint)
    print(f"wrote {args.out}, {len(shown.latent)} steps")


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))


if __name__ == "__main__":
    sys.exit(main())

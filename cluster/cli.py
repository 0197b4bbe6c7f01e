"""``skill-train``: the command line. Errors print one sentence and exit with status 2."""

from __future__ import annotations

import argparse
import errno
import io
import json
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any

from skill_train.cluster import arguments
from skill_train.cluster.errors import RunError
from skill_train.cluster.plan import outside
from skill_train.cluster.store.run_dir import RunDir

# Each command imports torch, Ray or a simulator only where it needs them, so --help is quick.


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out one command; returns the exit status."""
    _replace_what_the_terminal_lacks()
    logging.basicConfig(format="skill-train: %(message)s", level=logging.WARNING)
    try:
        args, rest = arguments.parser().parse_known_args(argv)
        if rest and args.name != "run":
            raise RunError(f"{args.name} does not take {rest[0]!r}; see skill-train {args.name} -h")
        args.overrides = rest
        _use_what_is_named(args)
        COMMANDS[args.name](args)
    except RunError as error:
        print(f"skill-train: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone; a second error at exit would be noise
        return 141
    except OSError as error:
        print(f"skill-train: {_sentence(error)}", file=sys.stderr)
        return 2
    except MemoryError as error:
        detail = f" ({error})" if str(error) else ""
        print(f"skill-train: this machine has not enough memory{detail}", file=sys.stderr)
        return 2
    return 0


def _replace_what_the_terminal_lacks() -> None:
    """Let a question mark be printed for a letter that the terminal's encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _sentence(error: OSError) -> str:
    """One sentence for ``error``, with its file."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = error.filename or "where the run is written"
        return f"the disk is full: {where}; free some space"
    if error.filename is None:
        return " ".join(str(error).split())
    return f"{error.filename} cannot be used: {error.strerror}"


def _use_what_is_named(args: argparse.Namespace) -> None:
    """Import the modules named in ``args``, and replace an experiment's file by its name."""
    for module in getattr(args, "modules", ()):
        outside.use(module)
    if getattr(args, "experiment", None) is not None:
        args.experiment = outside.experiment(args.experiment)


def _list(args: argparse.Namespace) -> None:
    from skill_train.cluster.show import catalogue
    from skill_train.experiments import registry

    known = registry.known()
    narrowed = args.paper is not None or args.max_hours is not None
    if args.experiment in known and not (narrowed or args.all):
        _list_fields(args)
        return
    chosen = catalogue.select(
        known.values(), paper=args.paper, word=args.experiment, max_hours=args.max_hours
    )
    if args.json:
        _print_json([catalogue.facts(one) for one in chosen])
    elif narrowed or args.all or args.experiment is not None:
        print(catalogue.listing(chosen))
    else:
        print(catalogue.overview(chosen))


def _list_fields(args: argparse.Namespace) -> None:
    from skill_train.cluster.plan import overrides, planning
    from skill_train.cluster.show import catalogue

    experiment = planning.find(args.experiment)
    if args.json:
        fields = overrides.fields(experiment.stage)
        _print_json({name: {"type": f.kind, "value": f.value} for name, f in fields.items()})
    else:
        print(f"{catalogue.experiment(experiment)}\n")
        print(overrides.describe(experiment.stage))


def _run(args: argparse.Namespace) -> None:
    from skill_train.cluster import launch

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
    from skill_train.cluster import launch
    from skill_train.cluster.show import report

    run = RunDir.open(args.run)
    if run.read_status().state == "finished":
        print(report.already_finished(run))
        return
    _conclude(run, launch.resume(run, args.address), show=False)


def _conclude(run: RunDir, results: dict[str, Any], show: bool) -> None:
    """Print the results of a run and commands to try next."""
    from skill_train.cluster.show import report

    state = run.read_status().state
    print(report.results(run, state, results))
    if show and state == "finished":
        for line in report.show(run):
            print(line)
    print(report.what_next(run, state, shown=show))


def _status(args: argparse.Namespace) -> None:
    from skill_train.cluster import control
    from skill_train.cluster.show import report

    found = [control.status(RunDir.open(args.run))] if args.run else control.status_of_all()
    if args.json:
        _print_json(found[0] if args.run else found)
    elif not found:
        print("runs/ holds no runs yet; start one with: skill-train run quickstart")
    else:
        print(report.statuses(found, components=args.run is not None))


def _stop(args: argparse.Namespace) -> None:
    from skill_train.cluster import control

    run = RunDir.open(args.run)
    print(f"{run.path}: {control.stop(run)}")


def _eval(args: argparse.Namespace) -> None:
    from skill_train.cluster.show import report, trained

    results = trained.evaluate(RunDir.open(args.run), args.episodes, args.seed, args.checkpoint)
    if args.json:
        _print_json(results)
    else:
        print(report.evaluation(results))


def _bounds(args: argparse.Namespace) -> None:
    from skill_train.cluster.plan import planning
    from skill_train.cluster.show import report

    experiment = planning.find(args.experiment)
    if experiment.bounds is None:
        raise RunError(f"no bounds are known for {experiment.name}")
    found = experiment.bounds()
    if args.json:
        _print_json(found)
    else:
        print(report.bounds(found))


def _plot(args: argparse.Namespace) -> None:
    from skill_train.cluster.show import plot

    plot.draw([RunDir.open(run) for run in args.run], args.out, args.x)
    print(f"wrote {args.out}")


def _figure(args: argparse.Namespace) -> None:
    from skill_train.cluster.show.figures import registry

    if args.figure is None:
        print(registry.listing())
        return
    figure = registry.find(args.figure)
    given = figure.parser().parse_args(args.arguments)
    _use_what_is_named(given)
    figure.draw(given)


def _video(args: argparse.Namespace) -> None:
    from skill_train.cluster.show import trained

    run = RunDir.open(args.run)
    played = trained.film(run, args.out, args.episodes, args.seed, args.checkpoint)
    print(f"wrote {args.out}, {len(played)} episodes")


def _skills(args: argparse.Namespace) -> None:
    from skill_train.cluster.show import trained

    run = RunDir.open(args.run)
    trained.film_skills(run, args.out, args.panels, args.seconds, args.seed, args.checkpoint)
    print(f"wrote {args.out}, {args.panels} environments")


def _dataset(args: argparse.Namespace) -> None:
    from skill_train.cluster import datasets

    for one in datasets.write(RunDir.open(args.run), args.out):
        print(f"wrote {one.name}: {one.episodes:,} episodes, {one.actions:,} steps of {one.task}")


def _latents(args: argparse.Namespace) -> None:
    from skill_train.cluster.show import latents

    shown = latents.draw(RunDir.open(args.run), args.out, args.seed, args.checkpoint)
    print(f"wrote {args.out}, {len(shown.latent)} steps")


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "list": _list,
    "run": _run,
    "resume": _resume,
    "status": _status,
    "stop": _stop,
    "eval": _eval,
    "bounds": _bounds,
    "plot": _plot,
    "figure": _figure,
    "video": _video,
    "skills": _skills,
    "latents": _latents,
    "dataset": _dataset,
}


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))


if __name__ == "__main__":
    sys.exit(main())

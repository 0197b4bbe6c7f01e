"""The figures of ``skill-train figure``, with their contents and the runs that they take."""

from __future__ import annotations

import argparse
import difflib
import importlib
from dataclasses import dataclass
from typing import Any

from skill_train.cluster import arguments
from skill_train.cluster.errors import RunError
from skill_train.cluster.store.run_dir import RunDir


@dataclass(frozen=True)
class Figure:
    """A figure or table; its module here has ``options(parser)`` and ``draw(given)``."""

    name: str
    """The name as typed: the module's with dashes."""
    shows: str
    runs: str
    """The runs that the figure takes, in words."""
    experiments: str = ""
    """Prefix of the names of these runs' experiments."""

    def parser(self) -> argparse.ArgumentParser:
        """The parser of the figure's arguments; ``run`` or ``runs`` are among them."""
        parser = arguments.Parser(
            prog=f"skill-train figure {self.name}",
            description=self.module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.module.options(parser)
        arguments.add_modules(parser)
        return parser

    def draw(self, given: argparse.Namespace) -> None:
        """Draw the pictures and print the tables; raises RunError for runs of other experiments."""
        if self.experiments:
            for path in getattr(given, "runs", None) or [given.run]:
                run = RunDir.open(path)
                if not run.config.experiment.startswith(self.experiments):
                    raise RunError(
                        f"{run.path} is a run of {run.config.experiment}; "
                        f"the figure {self.name} takes {self.runs}"
                    )
        self.module.draw(given)

    @property
    def module(self) -> Any:
        """The module that draws the figure, imported only when it is needed."""
        return importlib.import_module(f"{__package__}.{self.name.replace('-', '_')}")


FIGURES = {
    figure.name: figure
    for figure in (
        Figure("summary", "table: how well each run ended, and how soon it was good", "any runs"),
        Figure(
            "evaluated-area",
            "table: mean evaluated return over whole runs, which is how fast agents learn",
            "metrics.csv files of runs, also compressed, named WHAT-SEED",
        ),
        Figure(
            "kl-reward",
            "hierarchical KL, figure 12, right: the KL reward of every move on the grid",
            "a run of hierarchical_kl/grid-1step",
            "hierarchical_kl/grid-",
        ),
        Figure(
            "grid-curves",
            "DSE, figures 1a, 6 and 8: learning curves of every task of a grid, and a table",
            "runs on a grid of tasks, such as dse/cartpole-3x3",
            "dse/",
        ),
        Figure(
            "held-out",
            "DSE, figure 2 and table 3: initial returns on tasks that were never seen",
            "runs with held-out tasks, such as dse/cartpole-6-3",
            "dse/",
        ),
        Figure(
            "dse-latents",
            "DSE, figures 1b to 1e and 10: latents in training, and balance points between goals",
            "a run of DSE on CartPole, such as dse/cartpole-3x3",
            "dse/cartpole-",
        ),
        Figure(
            "dse-fingertips",
            "DSE, figure 9b: where the fingertip goes for latents between those of the goals",
            "a run of DSE-SAC on Reacher, such as dse/reacher-3x3",
            "dse/reacher-",
        ),
        Figure(
            "dse-reacher",
            "DSE, table 3: returns of Reacher's tasks, with and without the proximity bonus",
            "runs on Reacher, such as dse/reacher-3x3",
            "dse/reacher-",
        ),
        Figure(
            "vate",
            "VATE, figures 2 and 3: curves, returns by episode, the belief, and a table",
            "runs on the grid, such as vate/grid",
            "vate/grid",
        ),
    )
}


def find(name: str) -> Figure:
    """The figure called ``name``; raises RunError with the closest name if there is none."""
    if name in FIGURES:
        return FIGURES[name]
    (close,) = difflib.get_close_matches(name, FIGURES, n=1, cutoff=0.0)
    raise RunError(f"there is no figure {name!r}; did you mean {close}?")


def listing() -> str:
    """A text on every figure: its contents, its runs, and its command."""
    lines = []
    for figure in FIGURES.values():
        lines += [f"{figure.name:<15}  {figure.shows}", f"{'':<15}  takes {figure.runs}"]
    return "\n".join([*lines, "", "skill-train figure NAME --help shows the options of one"])

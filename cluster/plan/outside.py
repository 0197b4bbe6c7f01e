"""Code from outside this package that the user has named: modules, and files of their own.

Importing one registers its environments and makes its experiments known by name. A run's files may
come from anybody, so nothing that they say is imported: what a run needs is named again.
"""

from __future__ import annotations

import importlib
import importlib.util
import shlex
import site
import sys
import sysconfig
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from skill_train.cluster.errors import RunError

_used: dict[str, set[str]] = {}
"""What was named in this process, and the modules that each brought in."""


def use(named: str) -> ModuleType:
    """Import ``package.module`` or ``path/file.py``; raises RunError where that does not work.

    The folder of a file, or the current one, is looked in last, so it hides nothing installed.
    """
    path = Path(named).resolve() if named.endswith(".py") else None
    folder = str(Path.cwd() if path is None else path.parent)
    if folder not in sys.path:
        sys.path.append(folder)
    importlib.invalidate_caches()
    before = set(sys.modules)
    try:
        if path is not None:
            _refuse_another(path, named)
        module = importlib.import_module(module_name(named))
    except (Exception, SystemExit) as error:
        if isinstance(error, RunError):
            raise
        reason = " ".join(str(error).split())
        raise RunError(f"{named} cannot be imported: {type(error).__name__}: {reason}") from error
    _add_experiments(module, named)
    brought = _used.setdefault(named if path is None else str(path), {module.__name__})
    brought |= set(sys.modules) - before
    return module


def experiment(named: str) -> str:
    """The name of the experiment in ``file.py``, ``file.py:VARIABLE`` or ``module:VARIABLE``.

    Anything else is a name already, and comes back as it is.
    """
    where, colon, variable = named.partition(":")
    if not colon and not where.endswith(".py"):
        return named
    from skill_train.experiments import registry
    from skill_train.experiments.spec import Experiment

    module = use(where)
    if colon:
        found = getattr(module, variable, None)
        if not isinstance(found, Experiment):
            raise RunError(f"{where} has no experiment {variable!r}")
        return found.name
    own = [one.name for one in registry.experiments_in(module)]
    if not own:
        raise RunError(f"{where} has no experiment: no variable that holds an Experiment")
    if len(own) > 1:
        raise RunError(
            f"{where} has several experiments ({', '.join(own)}); run one with: "
            f"skill-train run {own[0]} --module {where}"
        )
    return own[0]


@dataclass(frozen=True)
class Imported:
    """What this process has imported from outside, and whatever process it is sent to imports too.

    So a plan brings with it what registers its environments.
    """

    modules: tuple[str, ...]
    installed: bool
    """Whether packages that have registered experiments are among it."""

    @staticmethod
    def here() -> Imported:
        """By this process, so far."""
        from skill_train.experiments import registry

        modules = tuple(module_name(one) for one in _used)
        return Imported(modules, registry.installed_are_added())

    def __reduce__(self) -> tuple[Callable[..., Imported], tuple[tuple[str, ...], bool]]:
        return Imported._arrive, (self.modules, self.installed)

    @staticmethod
    def _arrive(modules: tuple[str, ...], installed: bool) -> Imported:
        from skill_train.experiments import registry

        for module in modules:
            importlib.import_module(module)
        if installed:
            registry.add_installed()
        return Imported(modules, installed)


def named() -> tuple[str, ...]:
    """The modules, and the files by their whole path, that were named in this process."""
    return tuple(_used)


def require(modules: Iterable[str], path: Path) -> None:
    """Raises RunError unless all ``modules`` that the run at ``path`` needs have been named."""
    missing = [one for one in modules if module_name(one) not in sys.modules]
    if missing:
        options = " ".join(f"--module {shlex.quote(one)}" for one in missing)
        raise RunError(
            f"{path} needs code from outside this package, which a run's files cannot import by "
            f"themselves; if you trust that code, name it: {options}"
        )


def module_name(named: str) -> str:
    """``file`` of ``path/file.py``, and the module itself otherwise."""
    return Path(named).stem if named.endswith(".py") else named


def not_installed() -> list[ModuleType]:
    """The top packages and modules that came in with what was named, and lie in no site folder."""
    tops = {name.partition(".")[0] for brought in _used.values() for name in brought}
    found = [sys.modules[name] for name in sorted(tops - {"skill_train"}) if name in sys.modules]
    return [module for module in found if not _is_installed(module)]


def _refuse_another(path: Path, named: str) -> None:
    """A file whose name belongs to another module would not be what its name gives elsewhere."""
    if not path.is_file():
        raise RunError(f"there is no file {named}")
    spec = importlib.util.find_spec(path.stem)
    if spec is None or spec.origin is None or Path(spec.origin).resolve() != path:
        there = "none" if spec is None else spec.origin
        raise RunError(
            f"{named} has the name of another module, {path.stem} ({there}); rename the file"
        )


def _add_experiments(module: ModuleType, named: str) -> None:
    from skill_train.experiments import registry

    for one in registry.experiments_in(module):
        try:
            registry.add(one)
        except ValueError as error:
            raise RunError(f"{named} cannot be used: {error}") from error


def _is_installed(module: ModuleType) -> bool:
    """Whether every machine with this environment has it: the standard library, site-packages."""
    where = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
    if where is None:
        return True
    paths = sysconfig.get_paths()
    folders = {paths[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders |= {site.getusersitepackages()}
    return any(Path(where).resolve().is_relative_to(Path(one).resolve()) for one in folders)

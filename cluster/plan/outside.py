"""Code from outside this package that the user has named: modules, and files of their own.

Importing a module registers its environments and makes its experiments known by name. A run's files
may come from anybody, so no module that they name is imported unless the user names it again.
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
"""The modules and files named in this process, each with the modules that its import loaded."""


def use(named: str) -> ModuleType:
    """Import ``package.module`` or ``path/file.py``; raises RunError where that does not work.

    The file's folder, or the current one, comes last on the import path, so it hides nothing
    installed.
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
    loaded = _used.setdefault(named if path is None else str(path), {module.__name__})
    loaded |= set(sys.modules) - before
    return module


def experiment(named: str) -> str:
    """The name of the experiment in ``file.py``, ``file.py:VARIABLE`` or ``module:VARIABLE``.

    Anything else is a name already, and is returned as it is.
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
    """The modules from outside that this process has imported, for other processes to import.

    A process that receives a plan imports the plan's modules, which register its environments.
    """

    modules: tuple[str, ...]
    installed: bool
    """Whether installed packages that have registered experiments were imported too."""

    @staticmethod
    def here() -> Imported:
        """The modules that this process has imported so far."""
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
    """The modules, and files by their whole path, that were named in this process."""
    return tuple(_used)


def require(modules: Iterable[str], path: Path) -> None:
    """Raise RunError unless all ``modules`` that the run at ``path`` needs have been named."""
    missing = [one for one in modules if module_name(one) not in sys.modules]
    if missing:
        options = " ".join(f"--module {shlex.quote(one)}" for one in missing)
        raise RunError(
            f"{path} needs code from outside this package, which a run's files cannot import by "
            f"themselves; if you trust that code, name it: {options}"
        )


def module_name(named: str) -> str:
    """The importable name: ``file`` of ``path/file.py``, and ``named`` itself otherwise."""
    return Path(named).stem if named.endswith(".py") else named


def not_installed() -> list[ModuleType]:
    """Top packages and modules loaded with the named ones and not installed in a site folder."""
    tops = {name.partition(".")[0] for loaded in _used.values() for name in loaded}
    found = [sys.modules[name] for name in sorted(tops - {"skill_train"}) if name in sys.modules]
    return [module for module in found if not _is_installed(module)]


def _refuse_another(path: Path, named: str) -> None:
    """Raise RunError where another module would be imported by the name of the file."""
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
    """Whether a module is in the standard library or site-packages, as on every machine."""
    where = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
    if where is None:
        return True
    paths = sysconfig.get_paths()
    folders = {paths[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders |= {site.getusersitepackages()}
    return any(Path(where).resolve().is_relative_to(Path(one).resolve()) for one in folders)

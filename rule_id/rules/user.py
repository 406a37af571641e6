"""Rules of the user's own, from a Python file or module that says what it adds.

Such a file holds `CREDIT_ASSIGNMENTS`, `OPTIMIZERS` or both, each a list; every new credit
assignment then goes with every optimizer that it allows, and the other way round. It is code that
the user asks to run, named on the command line; nothing that is read as data can name it.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from rule_id.errors import InputError, one_of, require_file
from rule_id.rules.contract import CreditAssignment, Optimizer
from rule_id.rules.table import CREDIT_ASSIGNMENTS, OPTIMIZERS, RULES, combine
from rule_id.trajectories import NETWORK_COLUMNS

__all__ = ["load_rules", "source_of"]

_sources: dict[str, str] = {}
"""Hash of the source of each credit assignment and optimizer that a user added."""

_loaded: dict[Path, str] = {}
"""Hash of each file that was loaded."""

RESERVED = frozenset(NETWORK_COLUMNS) - {"learning_rate", "momentum", "weight_decay"}
"""Names that no hyperparameter may have: columns of the corpus that say something else."""


def load_rules(source: str | Path) -> str:
    """Add the rules of a Python file or module to the tables.

    Loading a file again does nothing while its text is the same; a changed file replaces what it
    added before.

    Args:
        source: A path that ends in `.py`, or the dotted name of a module that can be imported.

    Returns:
        A hash of the file's text, which becomes part of the identity of what its rules simulate;
        not of what the file imports.

    Raises:
        InputError: There is no such file or module, it cannot be run, it adds nothing, or it adds
            something else than new credit assignments and optimizers.
    """
    path = _path_of(str(source))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    if _loaded.get(path) == digest:
        return digest
    module = _run(path, digest) if str(source).endswith(".py") else _import(str(source))
    assignments = _listed(module, "CREDIT_ASSIGNMENTS", CreditAssignment, source)
    optimizers = _listed(module, "OPTIMIZERS", Optimizer, source)
    if not assignments and not optimizers:
        raise InputError(f"{source} must hold a list CREDIT_ASSIGNMENTS or OPTIMIZERS; it has none")
    before = _loaded.get(path, "")
    _check_new([one.name for one in assignments], CREDIT_ASSIGNMENTS, before, source)
    _check_new([one.name for one in optimizers], OPTIMIZERS, before, source)
    known = {*OPTIMIZERS, *(one.name for one in optimizers)}
    for assignment in assignments:
        for name in assignment.optimizers or ():
            one_of(f"{source}: optimizers of {assignment.name}", name, sorted(known))
    _forget(before)
    OPTIMIZERS.update({one.name: one for one in optimizers})
    CREDIT_ASSIGNMENTS.update({one.name: one for one in assignments})
    _sources.update({one.name: digest for one in (*assignments, *optimizers)})
    _loaded[path] = digest
    _make_rules()
    return digest


def _forget(digest: str) -> None:
    """Take out of the tables what a file added before it was changed."""
    for name in [name for name, one in _sources.items() if one == digest]:
        del _sources[name]
        CREDIT_ASSIGNMENTS.pop(name, None)
        OPTIMIZERS.pop(name, None)


def _make_rules() -> None:
    RULES.clear()
    RULES.update({rule.name: rule for one in CREDIT_ASSIGNMENTS.values() for rule in combine(one)})


def source_of(rule: str) -> str:
    """Return the hashes of the user's files that a rule comes from; nothing for ours."""
    return "+".join(_sources[part] for part in rule.split("+") if part in _sources)


def _path_of(source: str) -> Path:
    if source.endswith(".py"):
        require_file(Path(source), "a Python file that adds rules")
        return Path(source).resolve()
    try:
        spec = importlib.util.find_spec(source)  # runs the packages that the module lies in
    except Exception as error:
        raise InputError(f"module {source} cannot be imported: {error!r}") from error
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise InputError(
            "rules must be a path that ends in .py or the name of a module that is installed; "
            f"got {source!r}"
        )
    return Path(spec.origin)


def _run(path: Path, digest: str) -> ModuleType:
    name = f"rule_id_user_{digest}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickles of the file look their module up by name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise InputError(f"{path} cannot be run: {_said(error, path)}") from error
    return module


def _import(name: str) -> ModuleType:
    try:
        if name in sys.modules:  # what was imported before may be an older text
            return importlib.reload(sys.modules[name])
        return importlib.import_module(name)
    except Exception as error:
        raise InputError(f"module {name} cannot be imported: {error!r}") from error


def _said(error: Exception, path: Path) -> str:
    """Return what went wrong and in which line of the user's file."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}, line {error.lineno}"
    lines = []
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    where = f", line {lines[-1]}" if lines else ""
    return f"{type(error).__name__}: {error}{where}"


def _listed(module: ModuleType, name: str, kind: type, source: str | Path) -> list[Any]:
    listed = getattr(module, name, [])
    if not isinstance(listed, list | tuple):
        raise InputError(f"{source}: {name} must be a list; got {type(listed).__name__}")
    entries: list[Any] = list(listed)
    for one in entries:
        fits: bool = type(one) is kind
        if not fits:
            raise InputError(
                f"{source}: {name} must hold {kind.__name__} objects; got {type(one).__name__}"
            )
        if not one.name.isidentifier():
            raise InputError(f"{source}: a name must be one word without '+'; got {one.name!r}")
        taken = sorted(RESERVED & set(one.ranges))
        if taken:
            raise InputError(
                f"{source}: a hyperparameter of {one.name} must have a name that no column of a "
                f"corpus has; got {taken[0]!r}"
            )
    return entries


def _check_new(names: list[str], table: Iterable[str], before: str, source: str | Path) -> None:
    others = {name for name in table if not before or _sources.get(name) != before}
    taken = [name for name in names if name in others or names.count(name) > 1]
    if taken:
        raise InputError(f"{source}: a name must be new; {taken[0]} is taken")

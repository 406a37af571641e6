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

from rule_id.errors import InputError, require_file
from rule_id.rules.contract import CreditAssignment, Optimizer
from rule_id.rules.table import CREDIT_ASSIGNMENTS, OPTIMIZERS, RULES, combine

__all__ = ["load_rules", "source_of"]

_sources: dict[str, str] = {}
"""Hash of the source of each credit assignment and optimizer that a user added."""


def load_rules(source: str | Path) -> str:
    """Add the rules of a Python file or module to the tables; once only, however often called.

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
    text = path.read_bytes()
    digest = hashlib.sha256(text).hexdigest()[:16]
    if digest in _sources.values():
        return digest
    module = _run(path, digest) if str(source).endswith(".py") else _import(str(source))
    assignments = _listed(module, "CREDIT_ASSIGNMENTS", CreditAssignment, source)
    optimizers = _listed(module, "OPTIMIZERS", Optimizer, source)
    if not assignments and not optimizers:
        raise InputError(f"{source} must hold a list CREDIT_ASSIGNMENTS or OPTIMIZERS; it has none")
    _check_new([one.name for one in assignments], CREDIT_ASSIGNMENTS, source)
    _check_new([one.name for one in optimizers], OPTIMIZERS, source)
    for optimizer in optimizers:
        OPTIMIZERS[optimizer.name] = optimizer
    for assignment in assignments:
        CREDIT_ASSIGNMENTS[assignment.name] = assignment
    _sources.update({one.name: digest for one in (*assignments, *optimizers)})
    RULES.update({rule.name: rule for one in CREDIT_ASSIGNMENTS.values() for rule in combine(one)})
    return digest


def source_of(rule: str) -> str:
    """Return the hashes of the user's files that a rule comes from; nothing for ours."""
    return "+".join(_sources[part] for part in rule.split("+") if part in _sources)


def _path_of(source: str) -> Path:
    if source.endswith(".py"):
        require_file(Path(source), "a Python file that adds rules")
        return Path(source)
    try:
        spec = importlib.util.find_spec(source)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise InputError(
            f"rules must be a path that ends in .py or the name of a module; got {source!r}"
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
    return entries


def _check_new(names: list[str], table: Iterable[str], source: str | Path) -> None:
    taken = [name for name in names if name in table or names.count(name) > 1]
    if taken:
        raise InputError(f"{source}: a name must be new; {taken[0]} is taken")

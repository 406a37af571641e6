"""JSON and TOML from outside: whatever a file holds, it is read or refused in one line."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from rule_id.errors import InputError, first_line

__all__ = ["read_json", "read_toml"]


def read_json(path: Path, what: str) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: A file that is there.
        what: What it must be, for the message.

    Raises:
        InputError: It is no JSON, no object, or nested too deeply to be read.
    """
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} must be {what}, a JSON object: {first_line(error)}") from None
    if not isinstance(found, dict):
        raise InputError(f"{path} must be {what}, a JSON object; got a {type(found).__name__}")
    return found


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Read TOML.

    Args:
        path: A file that is there.
        what: What it must be, for the message.

    Raises:
        InputError: It is no TOML, or nested too deeply to be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} must be {what} in TOML: {first_line(error)}") from None

"""Identify the learning rule behind a network's learning from what could be measured of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rule_id.version import __version__

if TYPE_CHECKING:
    from rule_id.recordings.recorder import Recorder

__all__ = ["Recorder", "__version__"]


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is asked for: it takes two seconds."""
    if name == "Recorder":
        from rule_id.recordings.recorder import Recorder

        return Recorder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

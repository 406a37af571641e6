"""Identify the learning rule behind a network's learning from what could be measured of it."""

from rule_id.version import __version__

__all__ = ["__version__"]

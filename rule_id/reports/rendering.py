"""Templates to pages: one self-contained HTML file each, written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

from rule_id.trajectories import atomic_write
from rule_id.version import __version__

__all__ = ["write_page"]


def write_page(path: str | Path, template: str, **context: Any) -> Path:
    """Write a template as a page; all text in it is escaped.

    Args:
        path: The HTML file.
        template: Name of a file in `templates/`.
        **context: What the template shows.

    Returns:
        The path.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rule_id.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template(template).render(**context, version=__version__)
    atomic_write(Path(path), lambda target: target.write_text(text, encoding="utf-8"))
    return Path(path)

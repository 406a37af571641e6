"""Figures inside an HTML page: SVG that needs no other file and says what it shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup, escape
from matplotlib.figure import Figure

from rule_id.evaluation import save_figure
from rule_id.trajectories import atomic_write

__all__ = ["Picture", "draw_picture"]

_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_NAMESPACE = re.compile(r' xmlns(:xlink)?="[^"]*"')
_REFERENCE = re.compile(r'(\bid="|href="#|url\(#)')


@dataclass(frozen=True)
class Picture:
    """A figure as it stands in a page.

    Attributes:
        name: Name of its file, without the ending.
        label: What it shows, for who cannot see it.
        svg: The figure itself.
    """

    name: str
    label: str
    svg: Markup


def draw_picture(folder: Path, name: str, label: str, figure: Figure) -> Picture:
    """Write a figure to `figures/<name>.svg` in a folder, and return it for a page.

    Args:
        folder: Where the page is written.
        name: Name of the figure, unique in the page.
        label: What it shows, in a sentence.
        figure: The figure.
    """
    path = folder / "figures" / f"{name}.svg"
    atomic_write(path, lambda target: save_figure(figure, target))
    return Picture(name, label, _inline(path.read_text(encoding="utf-8"), name, label))


def _inline(document: str, name: str, label: str) -> Markup:
    """Return an SVG file as an element of a page."""
    # HTML knows the namespaces; the metadata would name addresses that nobody needs.
    svg = _NAMESPACE.sub("", _METADATA.sub("", document[document.index("<svg") :]))
    # Matplotlib gives the parts of every figure the same ids.
    svg = _REFERENCE.sub(rf"\g<1>{name}-", svg)
    return Markup(svg.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1))

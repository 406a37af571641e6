"""Figures inside an HTML page: SVG that needs no other file and says what it shows."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd
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
        name: Name of its files, without the ending.
        label: What it shows, for who cannot see it.
        svg: The figure itself.
        document: The figure as an SVG file.
        numbers: What is drawn.
    """

    kind: ClassVar[str] = "picture"
    name: str
    label: str
    svg: Markup
    document: str
    numbers: pd.DataFrame

    def save(self, folder: Path) -> None:
        """Write the figure as `<name>.svg` and its numbers as `<name>.csv`."""
        svg, csv = (folder / f"{self.name}.{ending}" for ending in ("svg", "csv"))
        atomic_write(svg, lambda path: path.write_text(self.document, encoding="utf-8"))
        atomic_write(csv, lambda path: self.numbers.to_csv(path, index=False))


def draw_picture(name: str, label: str, figure: Figure, numbers: pd.DataFrame) -> Picture:
    """Return a figure for a page.

    Args:
        name: Name of the figure, unique in the page.
        label: What it shows, in a sentence.
        figure: The figure.
        numbers: What is drawn.
    """
    written = io.BytesIO()
    save_figure(figure, written)
    document = written.getvalue().decode("utf-8")
    return Picture(name, label, _inline(document, name, label), document, numbers)


def _inline(document: str, name: str, label: str) -> Markup:
    """Return an SVG file as an element of a page."""
    # HTML knows the namespaces; the metadata would name addresses that nobody needs.
    svg = _NAMESPACE.sub("", _METADATA.sub("", document[document.index("<svg") :]))
    # Matplotlib gives the parts of every figure the same ids.
    svg = _REFERENCE.sub(rf"\g<1>{name}-", svg)
    return Markup(svg.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1))

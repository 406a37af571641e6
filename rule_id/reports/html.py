"""Pages: one self-contained HTML file each, in a browser, in a notebook or on disk."""

from __future__ import annotations

import base64
import hashlib
import html
import tempfile
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import jinja2
from markupsafe import Markup

from rule_id.errors import InputError
from rule_id.reports.parts import Section, pictures_of
from rule_id.reports.pictures import Picture
from rule_id.trajectories import atomic_write
from rule_id.version import __version__

__all__ = ["Page", "build_page"]


@dataclass(frozen=True)
class Page:
    """A page to read and to pass on; the last line of a notebook's cell shows it.

    Attributes:
        title: Its title.
        html: The whole document, which needs no other file and asks nothing of the network.
        pictures: The figures in it.
    """

    title: str
    html: str = field(repr=False)
    pictures: tuple[Picture, ...] = field(repr=False, default=())

    def save(self, path: str | Path) -> Path:
        """Write the page.

        Args:
            path: An HTML file, for the page alone; or a folder, which gets `index.html`, and for
                use elsewhere each figure as `figures/<name>.svg` and its numbers as
                `figures/<name>.csv`.

        Returns:
            The HTML file.

        Raises:
            InputError: A folder is meant and a file has the name, or the other way round.
        """
        target = Path(path)
        alone = target.suffix in (".html", ".htm")
        if target.is_dir() if alone else target.exists() and not target.is_dir():
            there = "a folder" if alone else "a file"
            raise InputError(
                f"a page must be saved to a folder, or a file named .html; {target} is {there}"
            )
        file = target if alone else target / "index.html"
        if not alone:
            for picture in self.pictures:
                picture.save(target / "figures")
        atomic_write(file, lambda new: new.write_text(self.html, encoding="utf-8"))
        return file

    def open_in_browser(self) -> Path:
        """Open the page in the browser, from a temporary file, whose path is returned."""
        folder = Path(tempfile.mkdtemp(prefix="rule-id-"))
        file = self.save(folder / "page.html")
        webbrowser.open(file.as_uri())
        return file

    def _repr_html_(self) -> str:
        # A frame of its own: the page's style would change the notebook, and the other way round.
        return (
            f'<iframe title="{html.escape(self.title)}" srcdoc="{html.escape(self.html)}" '
            'sandbox="allow-scripts allow-popups" style="width:100%;height:48rem;'
            'border:1px solid #d9dee3"></iframe>'
        )


def build_page(
    title: str, heading: str, lead: str, sections: Sequence[Section], notes: Sequence[str] = ()
) -> Page:
    """Return a page; all text in it is escaped.

    Args:
        title: For the window.
        heading: What the page answers.
        lead: A sentence below it.
        sections: What is in it; without contents where there are few.
        notes: Sentences for the foot of the page.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rule_id.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = files("rule_id.reports").joinpath("templates/sort.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = environment.get_template("page.html").render(
        title=title,
        heading=heading,
        lead=lead,
        sections=sections,
        notes=notes,
        # The browser runs this script and no other, whatever text might get into the page.
        script=Markup(script),
        digest=digest,
        version=__version__,
    )
    found = tuple(picture for section in sections for picture in pictures_of(section.parts))
    return Page(title, text, found)

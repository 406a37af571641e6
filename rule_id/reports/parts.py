"""What a page consists of: sections of headings, texts, lists, tables and figures.

Pages are lists of these parts, laid out by one template, so that all look and work alike and every
text is escaped in one place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from rule_id.reports.pictures import Picture
from rule_id.reports.tables import Table

__all__ = [
    "Bullets",
    "Facts",
    "Fold",
    "Heading",
    "Notes",
    "Part",
    "Quote",
    "Reading",
    "Section",
    "Text",
    "pictures_of",
]


@dataclass(frozen=True)
class Text:
    """A paragraph; a strong one says what matters most."""

    kind: ClassVar[str] = "text"
    text: str
    strong: bool = False


@dataclass(frozen=True)
class Heading:
    """A heading within a section, of level 3 or 4."""

    kind: ClassVar[str] = "heading"
    text: str
    level: int = 3


@dataclass(frozen=True)
class Bullets:
    """A list; of links where each item is a (text, address)."""

    kind: ClassVar[str] = "bullets"
    items: Sequence[str | tuple[str, str, str]]


@dataclass(frozen=True)
class Facts:
    """Names and short values side by side; values that are None are left out."""

    kind: ClassVar[str] = "facts"
    pairs: Sequence[tuple[str, object]]
    wide: bool = False


@dataclass(frozen=True)
class Notes:
    """Names with a paragraph each."""

    kind: ClassVar[str] = "notes"
    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Reading:
    """How to read the figure or table beside it: what it shows, and what good and bad look like."""

    kind: ClassVar[str] = "reading"
    text: str
    good: str = ""
    bad: str = ""


@dataclass(frozen=True)
class Fold:
    """Parts that a reader opens."""

    kind: ClassVar[str] = "fold"
    summary: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Quote:
    """A paragraph to copy."""

    kind: ClassVar[str] = "quote"
    text: str


Part: TypeAlias = (
    Text | Heading | Bullets | Facts | Notes | Reading | Fold | Quote | Table | Picture
)


@dataclass(frozen=True)
class Section:
    """A part of a page with a heading of its own.

    Attributes:
        name: Its id in the page.
        title: The heading.
        parts: What is in it, in order.
        link: What the contents call it; the heading when empty.
    """

    name: str
    title: str
    parts: Sequence[Part]
    link: str = ""


def pictures_of(parts: Sequence[Part]) -> Iterator[Picture]:
    """Yield the figures among parts, those in folds too."""
    for part in parts:
        if isinstance(part, Picture):
            yield part
        elif isinstance(part, Fold):
            yield from pictures_of(part.parts)

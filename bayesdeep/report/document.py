"""What a report is made of: records without any notion of HTML, Markdown or a terminal.

Text in a block is plain text. Between backticks it is code; nothing else in it has a meaning, so that names of columns
and levels can go into a sentence as they are.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from bayesdeep.display.text_table import Format

KINDS = ("note", "good", "caution", "bad")

MOST_SVG = 400_000
"""Bytes of a drawing of many marks beyond which its pixels need less."""


@dataclass(frozen=True)
class Heading:
    """A heading inside a section; level 3 is the first below the section's own title."""

    text: str
    level: int = 3


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; ``lead`` sets it larger, for the one sentence that answers the question."""

    text: str
    lead: bool = False


@dataclass(frozen=True)
class Listing:
    """Points, one below the other."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """Text whose spaces and line breaks count: a formula, mathematics, a file."""

    text: str


@dataclass(frozen=True)
class Callout:
    """A sentence set apart; ``kind`` is ``"note"``, ``"good"``, ``"caution"`` or ``"bad"``."""

    kind: str
    text: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"callout: unknown kind '{self.kind}'; there are: {', '.join(KINDS)}")


@dataclass(frozen=True, eq=False)
class Table:
    """A table with its first column, the frame's index, as headings of the rows.

    Attributes
    ----------
    frame
        What it shows.
    caption
        What the table says, in words.
    formats
        By column, how to write its values: a format specification (``".2f"``) or a function to text.
    index
        Heading of the column of row names; None leaves the index out.
    struck
        Strike the numbers through: they are not to be used. The reason stands beside the table.
    """

    frame: pd.DataFrame
    caption: str
    formats: Mapping[str, Format] = field(default_factory=dict)
    index: str | None = ""
    struck: bool = False


@dataclass(frozen=True)
class Figure:
    """A picture, already drawn.

    Attributes
    ----------
    image
        The file's bytes.
    kind
        ``"svg"`` or ``"png"``.
    alt
        What is to be seen, for those who cannot see it.
    caption
        What to make of it.
    width
        Width in points on paper.
    """

    image: bytes
    kind: str
    alt: str
    caption: str
    width: float = 345.0

    @classmethod
    def of(cls, figure: Any, alt: str, caption: str) -> "Figure":
        """Return a block with a matplotlib figure drawn now: SVG whose text stays text, PNG where that would be large."""
        import matplotlib

        stream = io.BytesIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "bayesdeep", "svg.id": None}):
            figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
        width = 72.0 * figure.get_figwidth()
        if len(stream.getvalue()) <= MOST_SVG:
            return cls(stream.getvalue(), "svg", alt, caption, width)
        pixels = io.BytesIO()
        figure.savefig(pixels, format="png", dpi=170, facecolor="white", metadata={"Software": None})
        return cls(pixels.getvalue(), "png", alt, caption, width)


Block = Heading | Paragraph | Listing | Code | Callout | Table | Figure

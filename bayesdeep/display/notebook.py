"""How results show themselves in a notebook; the HTML is that of ``templates/notebook.html``, in which every text is escaped."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .templates import macros
from .text_table import text_table

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_ROWS = 30


def shown(*parts: "Markup") -> str:
    """Return parts, each from one of the functions below, as one piece of HTML for a notebook."""
    return str(_of("shown", parts))


def paragraph(text: str) -> "Markup":
    """Return a paragraph of plain text; its line breaks are kept."""
    return _of("paragraph", text)


def code(text: str) -> "Markup":
    """Return text whose spaces and line breaks count."""
    return _of("code", text)


def said(kind: str, text: str, lead: str = "") -> "Markup":
    """Return a sentence set apart, after a bold word; ``kind`` is ``"good"``, ``"caution"``, ``"bad"`` or ``"note"``."""
    return _of("said", kind, text, lead)


def listing(items: Iterable[str]) -> "Markup":
    """Return points, one below the other; nothing without any."""
    return _of("listing", tuple(items))


def table(frame: Any, index: bool = True, most: int = MOST_ROWS, rest: str = "") -> "Markup":
    """Return a data frame as a table; ``rest`` says where the rows beyond the first ``most`` are."""
    heading = str(frame.index.name or "") if index else None
    left = len(frame) - most
    more = f"{left:,} more rows{': ' + rest if rest else ''}" if left > 0 else ""
    return _of("table", text_table(frame.head(most), index=heading, default=_number), more)


def _of(name: str, *contents: Any) -> "Markup":
    return getattr(macros("notebook.html"), name)(*contents)


def _number(value: float) -> str:
    size = abs(value)
    if size < 1e-10 or 1e-3 <= size < 100:
        return f"{value:.3f}"
    return f"{value:.1f}" if 100 <= size < 1e7 else f"{value:.3g}"

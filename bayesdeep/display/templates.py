"""The templates of all HTML that the package writes; every text that is put into one is escaped there.

Jinja2 is imported when the first page is shown: it takes a tenth of a second, and most scripts show none.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markupsafe import Markup

FOLDER = Path(__file__).parent / "templates"


@cache
def templates() -> Any:
    """Return Jinja2's environment of the folder ``templates``."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["inline"] = inline
    return made


@cache
def macros(name: str) -> Any:
    """Return the macros of a template: functions of texts and records to HTML."""
    return templates().get_template(name).module


def inline(text: str) -> "Markup":
    """Return text as HTML: escaped, and code where it stands between backticks."""
    from markupsafe import Markup, escape

    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(Markup("<code>{}</code>").format(part) if i % 2 else part for i, part in enumerate(parts))

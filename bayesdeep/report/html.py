"""A document as one HTML file that needs nothing else: no network, no scripts, figures inside.

The marks are those of ``display/templates``, which escape every text.
"""

import base64
import re
from typing import TYPE_CHECKING

from bayesdeep.display.templates import macros, templates

from .document import Block, Figure, Table
from .numbers import texts
from .page_style import COLOURS, CSS
from .render import Chapter, Document

if TYPE_CHECKING:
    from markupsafe import Markup


def to_html(document: Document) -> str:
    """Return the document as HTML."""
    from markupsafe import Markup

    chapters = [
        {"key": _id(c), "title": c.title, "blocks": [_block(b, f"s{n}b{i}") for i, b in enumerate(c.blocks, start=1)]}
        for n, c in enumerate(document.chapters, start=1)
    ]
    return str(templates().get_template("page.html").render(document=document, chapters=chapters, css=Markup(CSS))) + "\n"


def _id(chapter: Chapter) -> str:
    return "section-" + re.sub(r"[^a-z0-9]+", "-", chapter.key.lower()).strip("-")


def _block(block: Block, key: str) -> "Markup":
    macro = getattr(macros("blocks.html"), type(block).__name__.lower(), None)
    if macro is None:
        raise TypeError(f"report: no HTML for {type(block).__name__}")
    content = texts(block) if isinstance(block, Table) else _picture(block, key) if isinstance(block, Figure) else None
    return macro(block, key, content)


def _picture(block: Figure, key: str) -> "Markup | str":
    """Return what stands in a page for a picture: an SVG itself, the bytes of others in letters."""
    from markupsafe import Markup

    if block.kind == "svg":
        return Markup(_inline_svg(block.image.decode("utf-8"), key, block.alt))
    return base64.b64encode(block.image).decode("ascii")


def _inline_svg(text: str, key: str, alt: str) -> str:
    """Return an SVG file as part of an HTML page: own names, own colours by scheme, an accessible name."""
    from markupsafe import escape

    body = text[text.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.S)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.S)
    body = re.sub(r'\sid="([^"]+)"', rf' id="{key}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{key}-\1)", body)
    body = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{key}-\1"', body)
    body = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", body)
    for colour, name in COLOURS.items():
        body = body.replace(colour, f"var({name})")
    head, rest = body.split(">", 1)
    box = re.search(r'viewBox="[^"]+"', head)
    return f'<svg {box.group(0) if box else ""} role="img" aria-label="{escape(alt)}">{rest.strip()}'

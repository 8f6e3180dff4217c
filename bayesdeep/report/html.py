"""A document as one HTML file that needs nothing else: no network, no scripts, figures inside."""

import base64
import re
from collections.abc import Iterator
from functools import singledispatch
from html import escape

from .document import Block, Callout, Code, Figure, Heading, Listing, Paragraph, Table
from .numbers import cell, numeric
from .page_style import COLOURS, CSS
from .render import Chapter, Document

PROSE = 36
"""A column with a text longer than this is prose and gets room."""
SIGNS = {"note": "Note", "good": "Sound", "caution": "Caution", "bad": "Do not use"}


def to_html(document: Document) -> str:
    """Return the document as HTML."""
    title = escape(document.title)
    links = "".join(f'<li><a href="#{_id(c)}">{escape(c.title)}</a></li>' for c in document.chapters)
    body = "".join(_chapter(c, number) for number, c in enumerate(document.chapters, start=1))
    return (
        f'<!DOCTYPE html>\n<html lang="en-GB">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="generator" content="bayesdeep">\n'
        f"<style>{CSS}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#content">Skip to the content</a>\n'
        f'<header><h1>{title}</h1><p class="subtitle">{escape(document.subtitle)}</p></header>\n'
        f'<nav aria-label="Contents"><ol>{links}</ol></nav>\n'
        f'<main id="content">\n{body}</main>\n'
        "<footer><p>Written by bayesdeep. The last section says how to obtain these numbers again.</p></footer>\n"
        "</body>\n</html>\n"
    )


def inline(text: str) -> str:
    """Return text as HTML: escaped, and code where it stands between backticks."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return "".join(f"<code>{escape(p)}</code>" if i % 2 else escape(p) for i, p in enumerate(parts))


def _id(chapter: Chapter) -> str:
    return "section-" + re.sub(r"[^a-z0-9]+", "-", chapter.key.lower()).strip("-")


def _chapter(chapter: Chapter, number: int) -> str:
    key = _id(chapter)
    inner = "".join(_block(block, f"s{number}b{i}") for i, block in enumerate(chapter.blocks, start=1))
    title = f'<h2 id="{key}-title">{escape(chapter.title)}</h2>'
    return f'<section id="{key}" aria-labelledby="{key}-title">{title}\n{inner}</section>\n'


@singledispatch
def _block(block: Block, key: str) -> str:
    raise TypeError(f"report: no HTML for {type(block).__name__}")


@_block.register
def _(block: Heading, key: str) -> str:
    level = min(6, max(3, block.level))
    return f"<h{level}>{inline(block.text)}</h{level}>\n"


@_block.register
def _(block: Paragraph, key: str) -> str:
    return f"<p{' class="lead"' if block.lead else ''}>{inline(block.text)}</p>\n"


@_block.register
def _(block: Listing, key: str) -> str:
    return "<ul>" + "".join(f"<li>{inline(item)}</li>" for item in block.items) + "</ul>\n"


@_block.register
def _(block: Code, key: str) -> str:
    return f'<pre tabindex="0"><code>{escape(block.text)}</code></pre>\n'


@_block.register
def _(block: Callout, key: str) -> str:
    return f'<p class="callout {block.kind}"><strong>{SIGNS[block.kind]}.</strong> {inline(block.text)}</p>\n'


@_block.register
def _(block: Table, key: str) -> str:
    caption = f'<caption id="{key}"><span>{inline(block.caption)}</span></caption>'
    inner = f"{caption}<thead>{_head(block)}</thead><tbody>{''.join(_rows(block))}</tbody>"
    struck = ' class="struck"' if block.struck else ""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-labelledby="{key}"><table{struck}>{inner}</table></div>\n'
    )


def _head(table: Table) -> str:
    cells = [] if table.index is None else [f'<th scope="col">{inline(table.index)}</th>']
    for column in table.frame.columns:
        side = ' class="number"' if numeric(table, column) else ""
        cells.append(f'<th scope="col"{side}>{inline(str(column))}</th>')
    return f"<tr>{''.join(cells)}</tr>"


def _rows(table: Table) -> Iterator[str]:
    right = [numeric(table, c) for c in table.frame.columns]
    long = {c for c in table.frame.columns if table.frame[c].map(lambda v: isinstance(v, str) and len(v) > PROSE).any()}
    for label, values in zip(table.frame.index, table.frame.itertuples(index=False, name=None), strict=True):
        cells = [] if table.index is None else [f'<th scope="row">{inline(str(label))}</th>']
        for column, value, flush in zip(table.frame.columns, values, right, strict=True):
            text = inline(cell(table, column, value))
            text = f"<s>{text}</s>" if table.struck and flush else text
            side = "number" if flush else "prose" if column in long else ""
            cells.append(f'<td class="{side}">{text}</td>' if side else f"<td>{text}</td>")
        yield f"<tr>{''.join(cells)}</tr>"


@_block.register
def _(block: Figure, key: str) -> str:
    width = f"max-width:{block.width * 4 / 3:.0f}px"
    if block.kind == "svg":
        picture = _inline_svg(block.image.decode("utf-8"), key, block.alt)
    else:
        data = base64.b64encode(block.image).decode("ascii")
        picture = f'<img class="plate" src="data:image/{block.kind};base64,{data}" alt="{escape(block.alt)}">'
    return f'<figure><div style="{width}">{picture}</div><figcaption>{inline(block.caption)}</figcaption></figure>\n'


def _inline_svg(text: str, key: str, alt: str) -> str:
    """Return an SVG file as part of an HTML page: own names, own colours by scheme, an accessible name."""
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

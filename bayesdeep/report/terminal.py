"""A document, or single blocks, as plain text for a terminal."""

import textwrap
from functools import singledispatch

from .document import Block, Callout, Code, Figure, Heading, Listing, Paragraph, Table
from .numbers import cell, numeric
from .render import Document

WIDTH = 88
SIGNS = {"note": "note:", "good": "sound:", "caution": "caution:", "bad": "do not use:"}


def to_text(document: Document) -> str:
    """Return the document as text; figures are described."""
    parts = [document.title, "=" * len(document.title), document.subtitle]
    for chapter in document.chapters:
        parts += ["", chapter.title, "-" * len(chapter.title), *(text(block) for block in chapter.blocks)]
    return "\n\n".join(p for p in parts if p) + "\n"


def wrap(sentence: str, indent: str = "") -> str:
    """Return a sentence broken into lines."""
    bare = printable(sentence.replace("`", ""))
    return textwrap.fill(bare, WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False)


def printable(value: str) -> str:
    """Return text without characters that steer a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in value)


@singledispatch
def text(block: Block) -> str:
    """Return a block as text."""
    raise TypeError(f"report: no text for {type(block).__name__}")


@text.register
def _(block: Heading) -> str:
    return wrap(block.text)


@text.register
def _(block: Paragraph) -> str:
    return wrap(block.text)


@text.register
def _(block: Listing) -> str:
    return "\n".join(wrap("- " + item) for item in block.items)


@text.register
def _(block: Code) -> str:
    return textwrap.indent(printable(block.text), "    ")


@text.register
def _(block: Callout) -> str:
    return wrap(f"{SIGNS[block.kind]} {block.text}")


@text.register
def _(block: Figure) -> str:
    return wrap(f"[figure: {block.alt}] {block.caption}")


@text.register
def _(block: Table) -> str:
    frame = block.frame
    right = [False, *(numeric(block, c) for c in frame.columns)]
    rows = [[block.index or "", *(str(c) for c in frame.columns)]]
    for label, values in zip(frame.index, frame.itertuples(index=False, name=None), strict=True):
        cells = [cell(block, c, v) for c, v in zip(frame.columns, values, strict=True)]
        cells = [f"({c}?)" if block.struck and r else c for c, r in zip(cells, right[1:], strict=True)]
        rows.append([str(label), *cells])
    rows = [[printable(c).replace("\n", " ") for c in row] for row in rows]
    if block.index is None:
        rows, right = [row[1:] for row in rows], right[1:]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([wrap(block.caption), "", *("  " + line for line in lines)])

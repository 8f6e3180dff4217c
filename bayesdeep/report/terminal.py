"""A document, or single blocks, as plain text for a terminal."""

import io
import textwrap
from functools import singledispatch

from bayesdeep.display.text_table import TextTable

from .document import Block, Callout, Code, Figure, Heading, Listing, Paragraph, Table
from .numbers import texts
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
    return "\n".join([wrap(block.caption), "", textwrap.indent(_grid(texts(block), block.struck), "  ")])


def _grid(content: TextTable, struck: bool) -> str:
    """Return a table in columns, as wide as its texts are; characters that take two places count as two."""
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    def one_line(value: str) -> Text:
        return Text(printable(value).replace("\n", " "))

    grid = Grid(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=True, header_style="")
    for column in content.columns:
        grid.add_column(one_line(column.heading), justify="right" if column.right else "left", no_wrap=True)
    for row in content.rows:
        marked = [f"({t}?)" if struck and c.right else t for t, c in zip(row, content.columns, strict=True)]
        grid.add_row(*map(one_line, marked))
    paper = Console(file=io.StringIO(), width=10**6, color_system=None, force_terminal=False, legacy_windows=False)
    with paper.capture() as written:
        paper.print(grid)
    return "\n".join(line.rstrip() for line in written.get().splitlines())

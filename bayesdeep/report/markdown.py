"""A document as Markdown; figures become files beside it."""

import re
from functools import singledispatch

from .document import Block, Callout, Code, Figure, Heading, Listing, Paragraph, Table
from .numbers import texts
from .render import Document

SIGNS = {"note": "Note", "good": "Sound", "caution": "Caution", "bad": "Do not use"}


def to_markdown(document: Document, folder: str) -> tuple[str, dict[str, bytes]]:
    """Return the text, and the figures by file name in ``folder``, to which the text refers."""
    files: dict[str, bytes] = {}
    parts = [f"# {plain(document.title)}", plain(document.subtitle)]
    for chapter in document.chapters:
        parts.append(f"## {plain(chapter.title)}")
        for block in chapter.blocks:
            if isinstance(block, Figure):
                name = f"{chapter.key}-{len(files) + 1:02d}.{block.kind}"
                files[name] = block.image
                parts.append(f"![{plain(block.alt)}]({folder}/{name})\n\n*{plain(block.caption)}*")
            else:
                parts.append(_block(block))
    return "\n\n".join(parts) + "\n", files


def plain(text: str) -> str:
    """Return text in which no character has a meaning in Markdown or HTML."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", text).replace("\n", " ")


def inline(text: str) -> str:
    """Return text as Markdown, code where it stands between backticks."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return plain(text)
    return "".join(f"`{p}`" if i % 2 else plain(p) for i, p in enumerate(parts))


@singledispatch
def _block(block: Block) -> str:
    raise TypeError(f"report: no Markdown for {type(block).__name__}")


@_block.register
def _(block: Heading) -> str:
    return f"{'#' * min(6, max(3, block.level))} {inline(block.text)}"


@_block.register
def _(block: Paragraph) -> str:
    return inline(block.text)


@_block.register
def _(block: Listing) -> str:
    return "\n".join(f"- {inline(item)}" for item in block.items)


@_block.register
def _(block: Code) -> str:
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", block.text)), default=0))
    return f"{fence}text\n{block.text}\n{fence}"


@_block.register
def _(block: Callout) -> str:
    return f"> **{SIGNS[block.kind]}.** {inline(block.text)}"


@_block.register
def _(block: Table) -> str:
    content = texts(block)
    right = [column.right for column in content.columns]
    lines = [_line([plain(c.heading) for c in content.columns]), _line(["---:" if r else "---" for r in right])]
    for row in content.rows:
        cells = [plain(text) for text in row]
        lines.append(_line([f"~~{c}~~" if block.struck and r else c for c, r in zip(cells, right, strict=True)]))
    return "\n".join([f"**{plain(block.caption)}**", "", *lines])


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"

"""How results show themselves in a notebook: escaped, tables in a box that scrolls, legible on light and on dark paper.

Text and rules take the text colour of the page around them, and a verdict is a coloured edge, not coloured text.
"""

from collections.abc import Iterable
from html import escape
from typing import Any

MOST_ROWS = 30
EDGES = {"good": "#1a9c6c", "caution": "#d98a00", "bad": "#d64540", "note": "#8a909a"}

STYLE = """<style>
.bayesdeep-shown{max-width:100%;line-height:1.45}
.bayesdeep-shown .bd-scroll{overflow-x:auto;max-width:100%;margin:.5em 0}
.bayesdeep-shown table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:0}
.bayesdeep-shown th,.bayesdeep-shown td{padding:.2em .7em .2em 0;text-align:left;vertical-align:baseline;border:0;background:none}
.bayesdeep-shown td.bd-number,.bayesdeep-shown th.bd-number{text-align:right;white-space:nowrap}
.bayesdeep-shown thead th{border-bottom:1px solid currentColor}
.bayesdeep-shown .bd-said{border-left:4px solid;padding:.2em .8em;margin:.5em 0}
.bayesdeep-shown pre{white-space:pre-wrap;margin:.3em 0;background:none;color:inherit}
</style>"""


def shown(*parts: str) -> str:
    """Return parts as one piece of HTML for a notebook."""
    return f'{STYLE}<div class="bayesdeep-shown">{"".join(parts)}</div>'


def paragraph(text: str) -> str:
    """Return a paragraph of plain text; its line breaks are kept."""
    return f"<p>{escape(text).replace(chr(10), '<br>')}</p>"


def code(text: str) -> str:
    """Return text whose spaces and line breaks count."""
    return f"<pre>{escape(text)}</pre>"


def said(kind: str, text: str, lead: str = "") -> str:
    """Return a sentence set apart, after a bold word; ``kind`` is ``"good"``, ``"caution"``, ``"bad"`` or ``"note"``."""
    bold = f"<b>{escape(lead)}</b>: " if lead else ""
    return f'<p class="bd-said" style="border-left-color:{EDGES[kind]}">{bold}{escape(text)}</p>'


def listing(items: Iterable[str]) -> str:
    """Return points, one below the other; nothing without any."""
    inner = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f"<ul>{inner}</ul>" if inner else ""


def table(frame: Any, index: bool = True, most: int = MOST_ROWS, rest: str = "") -> str:
    """Return a data frame as a table; ``rest`` says where the rows beyond the first ``most`` are."""
    right = [_numeric(frame[column]) for column in frame.columns]
    head = [f"<th scope='col'>{escape(str(frame.index.name or ''))}</th>"] if index else []
    head += [_cell("th", str(c), r, " scope='col'") for c, r in zip(frame.columns, right, strict=True)]
    rows = []
    few = frame.head(most)
    for label, values in zip(few.index, few.itertuples(index=False, name=None), strict=True):
        cells = [f"<th scope='row'>{escape(str(label))}</th>"] if index else []
        cells += [_cell("td", _text(v), r) for v, r in zip(values, right, strict=True)]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    left = len(frame) - len(few)
    more = paragraph(f"{left:,} more rows{': ' + rest if rest else ''}") if left > 0 else ""
    body = f"<table><thead><tr>{''.join(head)}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="bd-scroll">{body}</div>{more}'


def _numeric(column: Any) -> bool:
    return getattr(column.dtype, "kind", "O") in "iuf"


def _cell(tag: str, text: str, right: bool, more: str = "") -> str:
    return f"<{tag}{more}{' class=bd-number' if right else ''}>{escape(text)}</{tag}>"


def _text(value: Any) -> str:
    if isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", "") == "b":
        return "yes" if value else "no"
    if isinstance(value, float):
        return "–" if value != value else _number(float(value))
    return str(value)


def _number(value: float) -> str:
    size = abs(value)
    if size < 1e-10 or 1e-3 <= size < 100:
        return f"{value:.3f}"
    return f"{value:.1f}" if 100 <= size < 1e7 else f"{value:.3g}"

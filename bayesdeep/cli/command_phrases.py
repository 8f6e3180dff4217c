"""Helpers of the commands: reading pairs and files, checking outputs, printing."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesdeep.cards.card_source import is_file_name, read_table
from bayesdeep.core.errors import BayesdeepError, DataError, nearest
from bayesdeep.core.files import as_path, check_target
from bayesdeep.core.quantities import EFFECTS, of_role

if TYPE_CHECKING:
    import pandas as pd

    from bayesdeep.fit import Fit

LONGEST_TABLE = 40
"""Rows from which effects of single groups are left out of a printed table."""


def pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    """Return ``NAME=TEXT`` as a dict; names may have ``=`` in brackets, as ``net(x, hidden=[8])`` has."""
    found = {}
    for text in texts:
        at = _outer_equals(text)
        name, value = text[:at].strip(), text[at + 1 :].strip()
        if not name or not value:
            raise BayesdeepError(f"{option} {text!r}: write NAME=VALUE")
        if name in found:
            raise BayesdeepError(f"{option}: '{name}' is given twice")
        found[name] = value
    return found


def _outer_equals(text: str) -> int:
    """Return where the first ``=`` outside brackets is; the text's length where there is none."""
    depth = 0
    for at, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if character == "=" and depth == 0:
            return at
    return len(text)


def load_data(text: str) -> "pd.DataFrame":
    """Return a CSV or Parquet file's rows, or an example data set's."""
    if is_file_name(text):
        return read_table(text)
    from bayesdeep.datasets import load_dataset
    from bayesdeep.datasets._index import names

    if text not in names():
        raise DataError(f"data: '{text}' is no CSV or Parquet file and no example data set{nearest(text, names())}")
    return load_dataset(text)


def check_output(text: str | None, overwrite: bool, endings: tuple[str, ...] = ()) -> Path | None:
    """Return the path of an output file, before hours of work are spent on what cannot be written."""
    if text is None:
        return None
    path = as_path(text, "output", BayesdeepError)
    if endings and path.suffix.lower() not in endings:
        raise BayesdeepError(f"output '{path}': the name should end in {' or '.join(endings)}")
    return check_target(path, "output", BayesdeepError, overwrite=overwrite, advice="pass --overwrite")


def say(*lines: Any) -> None:
    """Print lines at once, control characters made visible: a title may be a stranger's."""
    for line in lines:
        shown = visible(str(line))
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"  # there is no stdout at all where a shell closed it
        print(shown.encode(encoding, errors="replace").decode(encoding), flush=True)


def visible(text: str) -> str:
    """Return a text with its control characters made visible, but for the ends of lines and tabs."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def summary_text(fit: "Fit", every: bool) -> str:
    """Return the table of the posterior; with many rows, and unless asked for, without the effects of single groups."""
    table = fit.summary(kind="all" if fit.posterior.sizes["draw"] >= 4 else "stats")
    kept, tail = table, ""
    if not every and len(table) > LONGEST_TABLE:
        effects = of_role(fit.posterior, EFFECTS)
        kept = table[[not str(row).startswith(tuple(f"{name}[" for name in effects)) for row in table.index]]
        tail = f"\n({len(table) - len(kept)} effects of single groups are not shown; --all shows them)"
    return kept.to_string(formatters={c: _formatter(c) for c in kept}) + (tail if len(kept) < len(table) else "")


def _formatter(column: str) -> Any:
    """Return what writes a column's numbers: effective sizes whole, the others with four digits."""
    whole = column.startswith("ess")
    return lambda value: f"{value:.0f}" if whole and value == value else f"{float(value):.4g}"

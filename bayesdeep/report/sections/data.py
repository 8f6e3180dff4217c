"""The rows, the response, and the groups with their sizes."""


import numpy as np
import pandas as pd

from bayesdeep.core.columns import Column
from bayesdeep.formula.walk import columns as columns_of
from bayesdeep.plot.parts import GroupTerm, group_terms, observed
from bayesdeep.results.fitted import Fitted

from ..document import Block, Listing, Paragraph, Table
from ..numbers import number
from ..phrases import plural
from ..section import Section, Subject

MOST_COLUMNS = 20


def applies(subject: Subject) -> bool:
    """Every fit has rows."""
    return bool(subject.fits)


def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return how many rows, what the response looks like, and the sizes of groups."""
    fit = subject.fit
    name = subject.extra.get("data")
    source = f" of the data set `{name}`" if name else ""
    found: list[Block] = [
        Paragraph(
            f"{plural(fit.rows.rows, 'row')}{source}; the response is `{fit.spec.response.name}`. {_missing(fit)}"
        )
    ]
    found.append(Listing(tuple(_response(fit))))
    columns = _columns(fit)
    found += [columns] if columns is not None else []
    terms = {t.factor: t for t in group_terms(fit)}
    if terms:
        found.append(_sizes(terms))
    return tuple(found)


def _columns(fit: Fitted) -> Table | None:
    """Return the columns that the model reads, with their range or their levels."""
    columns = fit.columns
    if not columns:
        return None
    shown = list(columns.items())[:MOST_COLUMNS]
    rows = {name: {"kind": c.kind, "values": _values(c)} for name, c in shown}
    left = len(columns) - len(rows)
    caption = "The columns that the model reads" + (f"; {left} more are left out." if left else ".")
    return Table(pd.DataFrame.from_dict(rows, orient="index"), caption, {}, "column")


def _values(column: Column) -> str:
    if column.levels is not None:
        count = np.bincount(column.values[column.values >= 0], minlength=len(column.levels))
        first = [f"{column.levels[j]} ({count[j]:,})" for j in np.argsort(-count, kind="stable")[:3]]
        return f"{plural(int((count > 0).sum()), 'level')}: {', '.join(first)}{', …' if (count > 0).sum() > 3 else ''}"
    values = np.asarray(column.values, dtype=float)
    return f"{number(values.min())} to {number(values.max())}, mean {number(values.mean())}, sd {number(values.std())}"


def _missing(fit: Fitted) -> str:
    read = dict.fromkeys(name for formula in fit.spec.nodes.values() for name in columns_of(formula))
    lacking = [f"`{name}`" for name in read if fit.columns and name not in fit.columns]
    if lacking:
        other = "of others were not allowed" if fit.spec.missing == "error" else "of other columns left a row out"
        return f"Rows lack values of {', '.join(lacking)}, which their term takes as they are; missing values {other}."
    if fit.spec.missing == "error":
        return "Rows with missing values were not allowed; there were none."
    index = fit.rows.index
    dropped = getattr(index, "size", fit.rows.rows)
    extra = int(max(index) + 1 - dropped) if index is not None and pd.api.types.is_integer_dtype(index) else 0
    return "Rows with missing values were left out" + (f", at least {plural(extra, 'row')}." if extra > 0 else ".")


def _response(fit: Fitted) -> list[str]:
    if fit.spec.response.name not in fit.idata["observed_data"]:
        known = fit.spec.response
        return [f"Read once, from files: mean {number(known.location)}, standard deviation {number(known.spread)}"]
    y, spec = observed(fit), fit.spec
    said = []
    if spec.response.levels is not None and y.ndim == 1:
        counts = np.bincount(y.astype(int), minlength=len(spec.response.levels))
        said.append(
            "Levels: "
            + ", ".join(f"{level} ({count:,})" for level, count in zip(spec.response.levels, counts, strict=False))
        )
    elif y.ndim == 1:
        q = np.quantile(y, [0, 0.25, 0.5, 0.75, 1])
        said.append(
            f"From {number(q[0])} to {number(q[4])}; middle half {number(q[1])} to {number(q[3])}; median "
            f"{number(q[2])}"
        )
        said.append(f"Mean {number(y.mean())}, standard deviation {number(y.std(ddof=1))}")
    if spec.response.modifiers:
        said.append("Recorded as: " + ", ".join(sorted(spec.response.modifiers)))
    return said


def _sizes(terms: dict[str, GroupTerm]) -> Table:
    rows = {}
    for factor, term in terms.items():
        sizes = term.sizes
        rows[factor] = {
            "levels": len(sizes),
            "smallest": int(sizes.min()),
            "median": float(np.median(sizes)),
            "largest": int(sizes.max()),
            "under 5 rows": int((sizes < 5).sum()),
            "the largest is": term.labels[int(sizes.argmax())],
        }
    frame = pd.DataFrame.from_dict(rows, orient="index")
    return Table(frame, "Grouping factors: how many levels, and how many rows they have.", {"median": ".3g"}, "factor")


SECTION = Section("The data", 30, applies, blocks, "fit")

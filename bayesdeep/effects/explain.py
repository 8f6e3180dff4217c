"""What a fitted model knows: the inputs its predictor uses, how they act together, and what a formula lacks of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core.errors import FitError
from bayesdeep.core.random import derive, whole_seed
from bayesdeep.display import notebook
from bayesdeep.results.fitted import Fitted

from .anova import Anova, analyse
from .candidate_terms import candidates
from .input_function import columns_of_fit, predictor_of
from .squares import Share
from .suggest import check_same, nothing, tried

DRAWS = 200
"""Posterior draws that are analysed."""
LEAST_DRAWS = 25
FAR = 1.5
"""Times that the predictor's variance with independent inputs may differ from that on the rows before it is told."""


@dataclass(frozen=True, eq=False)
class Explained:
    """What :func:`bayesdeep.explain` found.

    Attributes
    ----------
    main_effects, interactions
        Columns ``term``, ``share`` (of the predictor's variance), ``lower`` and ``upper`` (90 % interval, of the posterior and of
        the Monte Carlo error together), largest first.
    curvature
        The same columns: the share that a main effect has beyond a straight line, of inputs that are numbers.
    suggestions
        Columns ``term``, ``change`` and ``se``: what a term added to the formula changes in the log score, the mean log
        predictive density of a row that was left out, best first; last, all of them together. Times the number of rows it
        is the difference in elpd, of which less than 4, or less than twice its standard error, means little.
    gap, gap_se
        The explained fit's log score less that of the fit it is held against; NaN without one.
    formula, against
        The two formulas; ``against`` is "" without one.
    variance
        Posterior mean of the predictor's variance, inputs being independent.
    rows
        Number of training rows.
    notes
        What to mind.
    variance_on_rows
        Posterior mean of the predictor's variance on the training rows. Where ``variance`` is far from it the inputs depend on
        each other, the shares are of combinations of values that hardly occur, and a note says so.
    """

    main_effects: pd.DataFrame
    interactions: pd.DataFrame
    curvature: pd.DataFrame
    suggestions: pd.DataFrame
    gap: float
    gap_se: float
    formula: str
    against: str
    variance: float
    rows: int
    notes: tuple[str, ...] = ()
    variance_on_rows: float = float("nan")

    def _tables(self) -> list[tuple[str, pd.DataFrame]]:
        found = [("main effects", self.main_effects), ("interactions", self.interactions)]
        if self.against:
            gap = "" if np.isnan(self.gap) else f"; the explained fit itself: {self.gap:+.3f} (se {self.gap_se:.3f})"
            found.append((f"terms added to {self.against}, change in log score a row{gap}", self.suggestions))
        return found

    def _head(self) -> str:
        """Say what is shared out, and how much of it there is on the rows."""
        return (
            f"Shares of the variance of the predictor of {self.formula}, with 90 % intervals\n"
            f"variance {self.variance:.3g} with independent inputs, {self.variance_on_rows:.3g} on the rows"
        )

    def __repr__(self) -> str:
        lines = [self._head()]
        for title, table in self._tables():
            shown = table.head(12).round(3).to_string(index=False) if len(table) else "(none)"
            more = [f"({len(table) - 12} more)"] if len(table) > 12 else []
            lines += ["", title, shown, *more]
        return "\n".join([*lines, *(f"! {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        parts = [notebook.paragraph(self._head())]
        for title, table in self._tables():
            shown = notebook.table(table, index=False) if len(table) else notebook.paragraph("(none)")
            parts += [notebook.paragraph(title), shown]
        return notebook.shown(*parts, notebook.listing(self.notes))


def explained(
    fit: Fitted,
    against: Fitted | None = None,
    *,
    data: Any = None,
    terms: int = 6,
    draws: int = DRAWS,
    seed: int = 0,
    progress: bool = True,
) -> Explained:
    """Return :func:`bayesdeep.explain`'s findings as a record."""
    _check(fit, "fit")
    seed = whole_seed(seed, "explain")
    if against is not None:
        _check(against, "against")
        check_same(fit, against)
    predictor = predictor_of(fit, "explain", draws, data)
    found = analyse(predictor, seed)
    suggested = nothing()
    if against is not None:
        columns = columns_of_fit(fit, "explain", data) | columns_of_fit(against, "explain", data)
        node = against.spec.nodes[next(iter(against.spec.formulas))]
        different = {name: len(np.unique(c.values)) for name, c in columns.items() if c.kind == "number"}
        texts = candidates(predictor.inputs, found, node, terms, different)
        suggested = tried(fit, against, texts, columns, derive(seed, "terms"), progress)
    return Explained(
        _table(found.main),
        _table({":".join(pair): share for pair, share in found.pairs.items()}),
        _table(found.curved),
        suggested.table,
        suggested.gap,
        suggested.gap_se,
        _formula(fit),
        "" if against is None else _formula(against),
        found.variance,
        predictor.rows,
        (*_notes(fit, found), *suggested.notes),
        found.variance_on_rows,
    )


def _check(fit: object, name: str) -> None:
    if not isinstance(fit, Fitted):
        said = getattr(fit, "instead", "") or f"{type(fit).__name__}, not a fit; call model.fit() first"
        raise FitError(f"explain: {name} is {said}")


def _formula(fit: Fitted) -> str:
    return fit.spec.formulas[next(iter(fit.spec.formulas))]


def _table(shares: Mapping[str, Share]) -> pd.DataFrame:
    """Return shares as a table, largest first."""
    rows = [(term, s.share, s.lower, s.upper) for term, s in shares.items()]
    table = pd.DataFrame(rows, columns=["term", "share", "lower", "upper"])
    table = table.astype({"share": float, "lower": float, "upper": float})
    return table.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def _dependent(found: Anova) -> str:
    """Say what it means that the variance that is shared out is not the one on the rows."""
    times = found.variance / found.variance_on_rows if found.variance_on_rows > 0 else float("inf")
    size = f"{times:.2g} times" if times > 1 else f"{times:.0%} of"
    return (
        f"the inputs depend on each other: were they independent, as these shares suppose, the predictor's variance "
        f"({found.variance:.3g}) would be {size} that on the rows ({found.variance_on_rows:.3g}); the shares are of combinations "
        "of values most of which do not occur, where the data say little: do not read them as shares of what varies in the data"
    )


def _notes(fit: Fitted, found: Anova) -> tuple[str, ...]:
    """Return what to mind."""
    notes = []
    chains, draws = fit.sizes
    count = chains * draws
    if count < 2:
        notes.append(f"{fit.idata.attrs['method']} gives a point, so that shares have no intervals")
    elif count < LEAST_DRAWS:
        notes.append(f"{count} draws: intervals are rough")
    if found.variance == 0:
        notes.append("the predictor does not vary")
    elif not 1 / FAR <= found.variance / max(found.variance_on_rows, 1e-300) <= FAR:
        notes.append(_dependent(found))
    if found.left_out:
        shown = ", ".join(found.left_out[:5]) + (", …" if len(found.left_out) > 5 else "")
        notes.append(f"pairs with {shown} were not looked at: other inputs interact more")
    return tuple(notes)

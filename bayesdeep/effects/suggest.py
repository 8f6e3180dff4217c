"""Terms that a formula may lack, each added to it, fitted and scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesdeep.core.columns import Column, Frame
from bayesdeep.core.errors import FitError
from bayesdeep.core.random import derive
from bayesdeep.core.registry import FAMILIES
from bayesdeep.display.progress import progress_bar
from bayesdeep.formula.lexer import tokenize
from bayesdeep.formula.nodes import Name
from bayesdeep.inference.fit_spec import fit_spec
from bayesdeep.inference.kfold import kfold
from bayesdeep.inference.loo import combine, why_not_weighed
from bayesdeep.inference.loo_rows import loo_blocks
from bayesdeep.inference.run import COMMON
from bayesdeep.inference.specify import specify
from bayesdeep.results.fitted import Fitted, blocks_of, own_rows
from bayesdeep.results.rows import rows_in_memory
from bayesdeep.spec.declared import given_matrices

from .candidate_terms import quoted, straight_lines, together

COLUMNS = ["term", "change", "se"]
ALL = "all of these"


@dataclass(frozen=True, eq=False)
class Suggestions:
    """What adding terms to a formula is worth.

    Attributes
    ----------
    table
        Columns ``term``, ``change`` (in the mean log score of a row that was left out) and ``se``; best first, all of them
        together last.
    gap, gap_se
        The explained fit's log score less that of the fit with the formula.
    notes
        What to mind.
    """

    table: pd.DataFrame
    gap: float
    gap_se: float
    notes: tuple[str, ...]


def nothing() -> Suggestions:
    """Return the suggestions for no formula."""
    return Suggestions(pd.DataFrame(columns=COLUMNS), float("nan"), float("nan"), ())


def tried(
    fit: Fitted, against: Fitted, terms: Sequence[str], columns: Mapping[str, Column], seed: int, progress: bool
) -> Suggestions:
    """Return what each term, and all together, change when they are added to the formula of ``against``.

    Parameters
    ----------
    fit
        The explained fit.
    against
        The fit with the formula.
    terms
        As text.
    columns
        The columns that both fits read, by name.
    seed
        Of the refits.
    progress
        Show a bar.
    """
    notes: list[str] = []
    base = scores(against, "the formula's fit", notes)
    table: list[tuple[str, float, float]] = []
    sets = [(term, (term,)) for term in terms] + ([(ALL, together(terms))] if len(terms) > 1 else [])
    with progress_bar("trying terms", progress) as bar:
        for i, (label, chosen) in enumerate(sets):
            bar.update(i, len(sets), f"fitting with {label}")
            try:
                made = with_terms(against, chosen, columns, derive(seed, label))
                own = scores(made, f"'{label}'", notes)
            except ValueError as error:
                # A term that the data do not carry is no reason to say nothing of the others.
                notes.append(f"'{label}' could not be tried: {error}")
                continue
            table.append((label, *_difference(own, base)))
        bar.update(len(sets), len(sets))
    single = sorted((row for row in table if row[0] != ALL), key=lambda row: -row[1])
    frame = pd.DataFrame([*single, *(row for row in table if row[0] == ALL)], columns=COLUMNS)
    gap = (float("nan"), float("nan"))
    problem = why_not_weighed(fit.idata)
    if not problem:
        gap = _difference(scores(fit, "the explained fit", notes), base)
    else:
        notes.append(f"{problem}: the explained fit's own log score, by leave-one-out, is not given")
    return Suggestions(frame, *gap, tuple(notes))


def with_terms(against: Fitted, terms: Sequence[str], columns: Mapping[str, Column], seed: int) -> Fitted:
    """Return the same model with terms added, fitted in the same way."""
    spec, attrs = against.spec, against.idata.attrs
    if spec.nonlinear:
        raise FitError("a non-linear formula has no place where a term could be added")
    main = next(iter(spec.formulas))
    others = {name: _written_out(text, spec.others) for name, text in spec.formulas.items()}
    # The straight line of a smooth is part of it.
    gone = [name for name in straight_lines(terms) if (Name(name),) in spec.nodes[main].products]
    formula = " + ".join([others.pop(main), *terms]) + "".join(f" - {quoted(name)}" for name in gone)
    frame = Frame(columns, len(next(iter(columns.values())).values))
    priors = {p.key: p.prior for p in spec.priors if p.origin == "user" and p.key not in gone}
    parameters = {**others, **spec.known}
    made = specify(
        formula, frame, spec.family, link=dict(spec.links), priors=priors, missing=spec.missing, parameters=parameters,
        arrays=given_matrices(spec),
    )
    settings = dict(attrs["settings"])
    chains, draws = against.sizes
    common = {"draws": draws, "tune": int(settings.get("tune", 1000)), "chains": chains}
    options = {name: value for name, value in settings.items() if name not in COMMON}
    return fit_spec(made.spec, rows_in_memory(made.rows, "explain"), attrs["method"], common, options, seed=seed, progress=False)


def _written_out(text: str, others: Sequence[str]) -> str:
    """Return a formula with the columns ``.`` stands for in its place."""
    names = [quoted(name) for name in others]
    parts, last, before = [], 0, ""
    calls: list[bool] = []
    for token in tokenize(text):
        if token.is_operator("("):
            calls.append(before == "name")
        elif token.is_operator(")"):
            calls.pop()
        elif token.is_operator("."):
            in_call = bool(calls) and calls[-1]
            parts += [text[last : token.start], ", ".join(names) if in_call else f"({' + '.join(names)})"]
            last = token.end
        before = token.kind
    return "".join([*parts, text[last:]])


def scores(fit: Fitted, what: str, notes: list[str]) -> np.ndarray:
    """Return the log score of each row when it is left out ``(obs,)``; by refitting where draws cannot be weighed."""
    if why_not_weighed(fit.idata):
        return np.asarray(kfold(fit, progress=False).elpd_i)
    values = blocks_of(fit, own_rows(fit, "explain"), "pointwise")
    parts = [block.loo for block in loo_blocks(fit, values, fit.rows.rows, weights=False)]
    found = combine(parts, fit.idata)
    bad = int((np.asarray(found.pareto_k) > found.good_k).sum())
    if bad:
        notes.append(f"{what}: {bad:,} of {found.n_data_points:,} rows have Pareto k-hat above {found.good_k:.2f}")
    return np.asarray(found.elpd_i, dtype=float)


def _difference(own: np.ndarray, base: np.ndarray) -> tuple[float, float]:
    """Return the mean difference a row and its standard error."""
    change = own - base
    return float(change.mean()), float(change.std(ddof=1) / np.sqrt(len(change)))


def check_same(fit: Fitted, against: Fitted) -> None:
    """Raise unless two fits are of the same response on the same rows."""
    a, b = (own_rows(one, "explain").response for one in (fit, against))
    if a.name != b.name:
        raise FitError(f"explain: the fit models '{a.name}', the one it is held against '{b.name}'; fit both to one response")
    if len(a.value) != len(b.value):
        raise FitError(
            f"explain: the fit has {len(a.value):,} rows, the one it is held against {len(b.value):,}; fit both to the same rows"
        )
    if a.value.shape != b.value.shape or not np.array_equal(a.value, b.value) or a.modifiers != b.modifiers:
        raise FitError(
            f"explain: the two fits have different values of '{a.name}', or rows in another order; fit both to the same rows"
        )
    discrete = ["discrete" in FAMILIES[f.spec.family].words for f in (fit, against)]
    if discrete[0] != discrete[1]:
        raise FitError("explain: one fit gives probabilities, the other densities; their log scores cannot be compared")

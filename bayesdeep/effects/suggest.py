"""Terms that a formula may lack, each added to it, fitted and scored."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bayesdeep.core.columns import Column, Frame
from bayesdeep.core.errors import FitError
from bayesdeep.core.random import derive
from bayesdeep.core.registry import FAMILIES
from bayesdeep.display.progress import progress_bar
from bayesdeep.formula.lexer import tokenize
from bayesdeep.formula.nodes import Formula, Name
from bayesdeep.formula.walk import columns as columns_of
from bayesdeep.inference.fit_spec import fit_spec
from bayesdeep.inference.kfold import kfold
from bayesdeep.inference.loo import combine, why_not_weighed
from bayesdeep.inference.loo_rows import loo_blocks
from bayesdeep.inference.run import COMMON
from bayesdeep.inference.specify import specify
from bayesdeep.results.fitted import Fitted, blocks_of, own_rows
from bayesdeep.results.rows import rows_in_memory
from bayesdeep.spec.declared import given_matrices

from .anova import Anova
from .input_function import Input
from .squares import Share

COLUMNS = ["term", "change", "se"]
ALL = "all of these"
LEAST_SHARE = 0.01
"""Components that are not distinct from 0 are tried only if they may have more than this share."""
UNDECIDED = 2
"""How many of those are tried."""
PARABOLA = 0.9
"""Part of a curve, beyond its line, from which on a parabola is enough."""
BENDS = ("bs", "poly", "net", "s", "gp")


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


def candidates(inputs: Sequence[Input], found: Anova, node: Formula, most: int) -> tuple[str, ...]:
    """Return terms, as a formula has them, that would add what was found to one.

    Parameters
    ----------
    inputs, found
        The explained predictor's inputs, and shares of its variance.
    node
        The formula.
    most
        How many at most; the largest shares first.
    """
    kind = {i.name: i for i in inputs}
    present = set(columns_of(replace(node, response=None)))
    wanted: list[tuple[float, str]] = []
    for name, share in found.main.items():
        own, bent = kind[name], found.curved.get(name)
        curve = bent is not None and _stands_out(bent) and not _bent(node, name)
        if not present.issuperset(own.columns) and share.upper > LEAST_SHARE:
            text = _factor(own) if own.kind != "group" else f"(1 | {_factor(own)})"
            wanted.append((share.share, _curve(own, found.parabola[name]) if curve else text))
        elif curve and bent is not None:
            wanted.append((bent.share, _curve(own, found.parabola[name])))
    for (a, b), share in _decided(found.pairs):
        text = _product(kind[a], kind[b], node, present)
        # A product that brings a main effect along would be credited with it.
        alone = present.issuperset((*kind[a].columns, *kind[b].columns))
        if text and (alone or share.lower > 0):
            wanted.append((share.share, text))
    return tuple(dict.fromkeys(text for _, text in sorted(wanted, key=lambda pair: -pair[0])))[:most]


def _stands_out(share: Share) -> bool:
    return share.lower > 0 and share.upper > LEAST_SHARE


def _decided(pairs: Mapping[tuple[str, str], Share]) -> Iterator[tuple[tuple[str, str], Share]]:
    """Yield the pairs that stand out, and a few of those that may."""
    ranked = sorted(pairs.items(), key=lambda item: -item[1].share)
    few = 0
    for pair, share in ranked:
        if share.upper <= LEAST_SHARE:
            continue
        few += not share.lower > 0
        if share.lower > 0 or few <= UNDECIDED:
            yield pair, share


def _quoted(name: str) -> str:
    return name if name.isidentifier() else f"`{name}`"


def _factor(given: Input) -> str:
    return ":".join(_quoted(name) for name in given.columns)


def _curve(given: Input, parabola: float) -> str:
    name = _quoted(given.columns[0])
    return f"poly({name}, 2)" if parabola > PARABOLA else f"bs({name}, df=4)"


def _product(a: Input, b: Input, node: Formula, present: set[str]) -> str:
    """Return the term for a pair; "" where the formula has it."""
    if a.kind == b.kind == "group":
        factor = (*a.columns, *b.columns)
        if any(g.call is not None and set(columns_of(g.call)) & set(factor) for g in node.groups):
            return ""  # Combinations of related groups, or of several at once, are no column's levels.
        known = any(set(columns_of(Formula("", None, False, (g.factor,)))) == set(factor) for g in node.groups)
        return "" if known else f"(1 | {':'.join(map(_quoted, factor))})"
    if "group" in (a.kind, b.kind):
        slope, group = (b, a) if a.kind == "group" else (a, b)
        own = [g for g in node.groups if set(columns_of(Formula("", None, False, (g.factor,)))) == set(group.columns)]
        if any(set(slope.columns) <= set(columns_of(Formula("", None, False, g.products, (), g.specials))) for g in own):
            return ""
        call = own[0].call if own else None
        return f"({int(not own)} + {_factor(slope)} | {_factor(group) if call is None else call.source})"
    names = {*a.columns, *b.columns}
    if any({f.name for f in p if isinstance(f, Name)} == names for p in node.products):
        return ""
    return f"{_factor(a)}{':' if present >= names else '*'}{_factor(b)}"


def _bent(node: Formula, name: str) -> bool:
    """Return whether a formula has a curve of this column already."""
    calls = [factor for product in node.products for factor in product] + list(node.specials)
    return any(getattr(c, "function", "") in BENDS and name in columns_of(c) for c in calls)


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
    sets = [(term, (term,)) for term in terms] + ([(ALL, tuple(terms))] if len(terms) > 1 else [])
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
    main = next(iter(spec.formulas))
    others = {name: _written_out(text, spec.others) for name, text in spec.formulas.items()}
    formula = " + ".join([others.pop(main), *terms])
    frame = Frame(columns, len(next(iter(columns.values())).values))
    priors = {p.key: p.prior for p in spec.priors if p.origin == "user"}
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
    names = [_quoted(name) for name in others]
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

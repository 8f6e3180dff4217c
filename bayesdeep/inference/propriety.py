r"""Posteriors that the data do not bound: which rows ask for more without end, and what can follow them.

The log likelihood of a success rises for ever with its predictor, that of a failure or of a count of 0 when it falls. Where a
combination of columns follows all such rows and touches no others, the likelihood does not fall off along it: the columns
separate the response (Albert and Anderson 1984, On the existence of maximum likelihood estimates in logistic regression models,
Biometrika 71(1), 1-10). Under a flat prior the posterior is then improper. Effects of groups of which every one has rows of one
kind only do the same together: however large their standard deviation, the likelihood stays above a share of
:math:`2^{-\text{groups}}`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core.effects import Columns, Given, Grouped
from bayesdeep.core.errors import PriorError
from bayesdeep.core.priors import ChosenPrior
from bayesdeep.core.quantities import INTERCEPT
from bayesdeep.core.records import Response
from bayesdeep.core.registry import FAMILIES, PRIORS, TERMS
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.slots import prefixed

FAR, LEVEL = 40.0, 1e-9
"""Where the log likelihood is looked at, on both sides, and the largest slope that is called level there."""
MAX_NUMBERS = 2_000_000
"""Numbers of a table up to which it is looked at whether its columns separate the response."""


@dataclass(frozen=True)
class Endless:
    """Which rows' log likelihoods do not fall off as the predictor rises, and as it falls, both ``(obs,)``."""

    up: np.ndarray
    down: np.ndarray


def check_propriety(spec: ModelSpec, arrays: Mapping[str, np.ndarray], response: Response) -> tuple[str, ...]:
    """Return doubts about a model, in sentences.

    Raises
    ------
    PriorError
        Where the posterior is improper, naming the prior that leaves it so.
    """
    doubts = (*_one_sided(spec, response), *_row_effects(spec, arrays, response), *_only_groups(spec, arrays))
    endless = endless_rows(spec, response) if any(_flat(p) for p in spec.priors) else None
    if endless is None:
        return doubts
    _refuse_groups(spec, arrays, response, endless)
    return (*doubts, *_separated(spec, arrays, response, endless))


def endless_rows(spec: ModelSpec, response: Response) -> Endless | None:
    """Return which rows have no end to them; None where the family has not written its rows down, or no row is of that kind."""
    family = FAMILIES[spec.family]
    if family.row_terms is None or response.modifiers - {"weighted", "prop"} - family.written_for:
        return None
    terms = family.row_terms(response, spec.predictors[0].link)
    if terms is None:
        return None
    weights = np.ones(len(response.value)) if response.weights is None else np.asarray(response.weights, dtype=float)
    values = {name: np.full((1, 1), float(v)) for name, v in family.example.items() if np.ndim(v) == 0}
    counts = {p.name: len(p.cut_labels(spec.response.levels)) for p in family.parameters if p.shape == "cut"}
    values |= {name: np.linspace(-1.0, 1.0, count)[None] for name, count in counts.items()}
    values |= {p.name: np.full((1, len(p.labels)), 1.0 / len(p.labels)) for p in family.parameters if p.shape == "shares"}
    # Where the predictor is in the response's own units, what is far from 0 may be on the near side of the response.
    own = np.asarray(response.value, dtype=float) if spec.predictors[0].link == "identity" else np.zeros(len(weights))

    def slopes(side: float) -> list[np.ndarray]:
        with np.errstate(all="ignore"):
            return [terms((side * FAR + at)[:, None], values, 1)[1][:, 0] * weights for at in (np.zeros_like(own), own)]

    up = np.all([slope >= -LEVEL for slope in slopes(1.0)], axis=0)
    down = np.all([slope <= LEVEL for slope in slopes(-1.0)], axis=0)
    found = Endless(up, down)
    return found if (found.up | found.down).any() else None


def separation(columns: np.ndarray, endless: Endless) -> np.ndarray | None:
    """Return the direction ``(column,)`` along which no row's likelihood falls off and some rise for ever; None without one."""
    from scipy.optimize import linprog

    spread = np.sqrt((columns**2).mean(axis=0))
    unit = columns / np.where(spread > 0, spread, 1.0)
    one_way = endless.up ^ endless.down
    signs = np.where(endless.up, 1.0, -1.0)[one_way]
    held = unit[~(endless.up | endless.down)]
    toward = unit[one_way] * signs[:, None]
    if not len(toward):
        return None
    found = linprog(
        -toward.sum(axis=0),
        A_ub=-toward,
        b_ub=np.zeros(len(toward)),
        A_eq=held if len(held) else None,
        b_eq=np.zeros(len(held)) if len(held) else None,
        bounds=(-1.0, 1.0),
    )
    if not found.success or (toward @ found.x).max() < 1e-6:
        return None
    return np.asarray(np.where(np.abs(found.x) > 1e-9, found.x, 0.0) / np.where(spread > 0, spread, 1.0))


def separating(spec: ModelSpec, arrays: Mapping[str, np.ndarray], response: Response) -> tuple[str, ...]:
    """Return the names of coefficients that separate the response, whatever their priors, with an intercept if there is one."""
    endless = endless_rows(spec, response)
    if endless is None:
        return ()
    for table, names, first, _ in _tables(spec, arrays, response):
        if 0 < table.size <= MAX_NUMBERS:
            found = _separating(*_beside_intercept(table, names, first), endless, keep=len(first))
            return tuple(found[len(first) :])
    return ()


def _flat(chosen: ChosenPrior | None) -> bool:
    return chosen is not None and not PRIORS[chosen.prior.name].proper


def _separated(
    spec: ModelSpec, arrays: Mapping[str, np.ndarray], response: Response, endless: Endless
) -> tuple[str, ...]:
    """Look at the columns with flat priors; with an intercept whose prior is proper they are separated only nearly."""
    for table, names, first, free in _tables(spec, arrays, response):
        flat = [k for k, name in enumerate(names) if _flat(spec.prior(name))]
        if not (flat or free) or table.size > MAX_NUMBERS:
            continue
        own, labels = _beside_intercept(table[:, flat], [names[k] for k in flat], first)
        start = 1 if first and not free else 0
        which = _separating(own[:, start:], labels[start:], endless)
        if which:
            raise PriorError(
                f"prior '{which[0]}': {_prior_of(spec, which[0])} leaves the posterior improper: {_separate(which)} the response "
                f"'{response.name}', so that no value is too large for the data; use a proper prior such as Normal(0, 2.5)"
            )
        found = _separating(own, labels, endless, keep=1) if start else []
        if found:
            nearly = found[1:] or labels[1:]
            return (
                f"{_separate(nearly)} the response '{response.name}': no value is too large for the data, and under a flat prior "
                f"nothing but the intercept's prior bounds it; give '{nearly[0]}' a proper prior such as Normal(0, 2.5)",
            )
    return ()


def _tables(
    spec: ModelSpec, arrays: Mapping[str, np.ndarray], response: Response
) -> Iterator[tuple[np.ndarray, list[str], list[str], bool]]:
    """Return each table of population columns with their names, the intercept's where there is one, and whether it is free."""
    main, predictor = FAMILIES[spec.family].bare, spec.predictors[0]
    for term in predictor.terms:
        kind = TERMS[term.kind]
        effect = next((e for e in kind.effects(term.state) if isinstance(e.law, Given)), None) if kind.effects else None
        if effect is None or not isinstance(effect.rows, Columns):
            continue
        table = np.zeros((len(response.value), 0))
        if effect.rows.array is not None:
            table = np.asarray(arrays[f"{term.key}.{effect.rows.array}"], dtype=float)
        names = [prefixed(predictor.parameter, main, p.slot) for p in effect.pieces for _ in range(p.size)]
        slots = [s for s in kind.slots(term.state, 1.0) if s.role == INTERCEPT]
        first = [prefixed(predictor.parameter, main, s.name) for s in slots][:1] if effect.rows.intercept else []
        free = bool(first) and any(_flat(p) for p in spec.priors if p.role == INTERCEPT and p.name.startswith(first[0]))
        yield table, names, first, free


def _beside_intercept(table: np.ndarray, names: list[str], first: list[str]) -> tuple[np.ndarray, list[str]]:
    """Return columns and names with the intercept before them, which is that at the columns' means."""
    if not first:
        return table, names
    return np.column_stack([np.ones(len(table)), table - table.mean(axis=0)]), [*first, *names]


def _prior_of(spec: ModelSpec, name: str) -> str:
    return str(next((p.prior for p in spec.priors if p.name.startswith(name) and _flat(p)), "a flat prior"))


def _separating(columns: np.ndarray, labels: list[str], endless: Endless, keep: int = 0) -> list[str]:
    """Return the names of columns that separate the response, of which none can be left out; empty where none do.

    The first ``keep`` are not asked.
    """
    kept = list(range(len(labels)))
    if separation(columns, endless) is None:
        return []
    for k in reversed(range(keep, len(labels))):
        fewer = [j for j in kept if j != k]
        if fewer and separation(columns[:, fewer], endless) is not None:
            kept = fewer
    return list(dict.fromkeys(labels[k] for k in kept))


def _separate(names: list[str]) -> str:
    return f"{' and '.join(f"'{name}'" for name in names)} separate{'s' if len(names) == 1 else ''}"


@dataclass(frozen=True)
class _Intercepts:
    """Effects of a group on the main predictor itself: the term's text, the factor, their sd, and which rows are whose."""

    source: str
    factor: str
    sd: str
    members: Any


def _intercepts(spec: ModelSpec, arrays: Mapping[str, np.ndarray]) -> Iterator[_Intercepts]:
    main, predictor = FAMILIES[spec.family].bare, spec.predictors[0]
    for term in predictor.terms:
        declare = TERMS[term.kind].effects
        for effect in declare(term.state) if declare else ():
            first = next((piece for piece in effect.pieces if piece.start == 0 and piece.sd), None)
            if isinstance(effect.rows, Grouped) and effect.rows.intercept and first is not None:
                own = {k.removeprefix(f"{term.key}."): a for k, a in arrays.items() if k.startswith(f"{term.key}.")}
                sd = prefixed(predictor.parameter, main, first.sd)
                yield _Intercepts(term.source, effect.rows.factor, sd, effect.rows.incidence(own))


def _refuse_groups(spec: ModelSpec, arrays: Mapping[str, np.ndarray], response: Response, endless: Endless) -> None:
    """Refuse an improper prior on the sd of groups whose rows are all of one kind."""
    for term in _intercepts(spec, arrays):
        if not _flat(spec.prior(term.sd)):
            continue
        held = [(term.members.T @ (~side).astype(float)) > 0 for side in (endless.up, endless.down)]
        if not (held[0] & held[1]).any():
            raise PriorError(
                f"prior '{term.sd}': {_prior_of(spec, term.sd)} leaves the posterior improper: in every group of '{term.factor}' "
                f"the rows of '{response.name}' are of one kind, so that no effect is too large for the data; use a proper prior "
                "such as HalfNormal(1)"
            )


def _one_sided(spec: ModelSpec, response: Response) -> tuple[str, ...]:
    """Return a sentence on a response that is the same in every row and has no end there, as counts that are all 0 have none.

    A yes/no that never or always is a success is a response that was meant to.
    """
    value = np.asarray(response.value)
    if "two_levels" in FAMILIES[spec.family].words or value.ndim != 1 or not len(value):
        return ()
    if response.trials is not None:
        value = value / np.maximum(response.trials, 1)
    # Rows of atoms, as 0 and 1 beside a density between them, may differ and still say nothing of the main predictor.
    atoms = FAMILIES[spec.family].atoms or ()
    if value.min() != value.max() and not np.isin(value, atoms).all():
        return ()
    endless = endless_rows(spec, response)
    if endless is None or not (endless.up.all() or endless.down.all()):
        return ()
    each = f"{value[0]:g}" if value.min() == value.max() else " or ".join(f"{v:g}" for v in np.unique(value))
    if response.trials is not None:
        each = "all of its trials" if value[0] else "0"
    if endless.up.all() and endless.down.all():
        about = spec.predictors[0].parameter
        return (f"'{response.name}' is {each} in every row: the data say nothing of '{about}', which the priors decide alone",)
    side = "small" if endless.down.all() else "large"
    return (
        f"'{response.name}' is {each} in every row: the data say no more than that its predictor is {side}, and how {side} "
        "the priors decide alone",
    )


def _row_effects(spec: ModelSpec, arrays: Mapping[str, np.ndarray], response: Response) -> tuple[str, ...]:
    """Return a sentence for each term with an effect for each row of a response that is one of two, or an ordered level."""
    single = response.trials is not None and bool((np.asarray(response.trials) <= 1).all())
    words = FAMILIES[spec.family].words
    if "two_levels" in words or single:
        said = "which is one of two in each, is not identified: the data say next to nothing about '{sd}', and its prior decides"
    elif {"levels", "ordered"} <= words:
        said = (
            "which is one level in each, is hardly identified: a large '{sd}' with thresholds far apart says nearly what a small "
            "one does with thresholds close together"
        )
    else:
        return ()
    return tuple(
        f"{term.source}: an effect for each row of '{response.name}', {said.format(sd=term.sd)}. Leave the term out, or "
        "group the rows"
        for term in _intercepts(spec, arrays)
        if term.members.sum(axis=0).max() <= 1
    )


def _only_groups(spec: ModelSpec, arrays: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """Return a sentence for each term whose factor has one level, from which there is no telling how levels differ."""
    return tuple(
        f"{term.source}: '{term.factor}' has one level in these rows, and one effect says next to nothing about '{term.sd}': its "
        "prior decides. Leave the term out"
        for term in _intercepts(spec, arrays)
        if term.members.shape[1] == 1 and spec.prior(term.sd) is not None
    )

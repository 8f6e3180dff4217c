r"""Missing values that are whole numbers, summed out of the likelihood of their rows.

A row in which :math:`x` is missing, with the responses :math:`y` of which it is a predictor, has the likelihood

.. math:: \sum_k P(x = k)\; p(y \mid x = k),

over all values, or levels, that :math:`x` can take; of several columns that a row lacks, over all their combinations. Rows are
written down once for each of them, as *copies*, on which the model of each response is what it is on any rows. Given all else a
missing value has the summands as its probabilities, from which it is drawn back: what the posterior shows is drawn from the joint
posterior, as if it had been sampled. Counts have no largest value; the sum ends where those observed leave nothing:
at :math:`m + 10 \sqrt{m} + 10`, with :math:`m` the largest.

Little and Rubin (2019), Statistical Analysis with Missing Data, third edition, chapter 13.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import product
from math import prod
from typing import Any

import numpy as np

from bayesdeep.core.errors import FormulaError
from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Family, Response
from bayesdeep.core.registry import FAMILIES, TERMS
from bayesdeep.spec.joint_spec import JointSpec, needs_of
from bayesdeep.spec.model_spec import ModelSpec, PredictorSpec, TermSpec

MOST_COMBINATIONS = 1000
"""Of the values of a row's missing columns."""
MOST_COPIES = 200_000
MOST_COUNT = 200
"""Largest count that a sum goes up to."""


def support_of(family: Family, response: Response) -> np.ndarray | None:
    """Return the values that a coded response can have, as far as observed ones leave something; None if not whole numbers.

    Of categories these are the codes of all levels.

    Raises
    ------
    ValueError
        For counts that are too large to be summed over, with what to do.
    """
    if "two_levels" in family.words:
        return np.arange(2.0)
    if "discrete" not in family.words or family.words & {"several_columns", "trials"}:
        return None
    if family.words & {"levels", "ordered"}:
        return None if response.levels is None else np.arange(float(len(response.levels)))
    most = float(np.max(response.value))
    last = int(np.ceil(most + 10.0 * np.sqrt(most) + 10.0))
    if last > MOST_COUNT:
        raise ValueError(
            f"counts of up to {most:.0f} would be summed over one by one; numbers as large are all but continuous, so give it a "
            "family such as gaussian, lognormal or gamma"
        )
    return np.arange(last + 1.0)


@dataclass(frozen=True, eq=False)
class Copies:
    """Rows, each as often as there are combinations of the values that it lacks.

    Attributes
    ----------
    origin
        Which row each copy is of ``(copy,)``.
    values
        By column, its value in each copy ``(copy,)``.
    gone
        By column, the rows that lack it.
    """

    origin: np.ndarray
    values: Mapping[str, np.ndarray]
    gone: Mapping[str, np.ndarray]

    @cached_property
    def together(self) -> tuple[np.ndarray, ...]:
        """Return the copies of rows that have several: ``(row, copy)`` for each number of copies that occurs."""
        counts = np.bincount(self.origin)
        first = np.concatenate([[0], np.cumsum(counts)[:-1]])
        several = (int(count) for count in np.unique(counts[counts > 1]))
        return tuple(first[counts == count][:, None] + np.arange(count) for count in several)

    @cached_property
    def single(self) -> np.ndarray:
        """Return the copies of rows that have one."""
        return np.flatnonzero(np.bincount(self.origin)[self.origin] == 1)

    def log_likelihood(self, pointwise: Any) -> Any:
        """Return the log likelihood ``()`` of rows from that of their copies ``(copy,)``."""
        return pointwise[self.single].sum() + sum(pt.logsumexp(pointwise[own], axis=1).sum() for own in self.together)

    def chosen(self, pointwise: Any, level: Any) -> Any:
        """Return a copy of each row that has several, in the order of ``together``, by a number from 0 to 1 each."""
        found, begin = [], 0
        for own in self.together:
            logs = pointwise[own]
            shares = pt.exp(logs - pt.logsumexp(logs, axis=1, keepdims=True))
            below = pt.lt(pt.cumsum(shares, axis=1)[:, :-1], level[begin : begin + len(own), None]).sum(axis=1)
            found.append(own[:, 0] + below)
            begin += len(own)
        return pt.concatenate(found)

    def missing(self, column: str, chosen: Any) -> Any:
        """Return the values ``(missing,)`` of a column in the rows that lack it, given a copy of each row that has several."""
        rows = np.concatenate([self.origin[own[:, 0]] for own in self.together])
        place = np.empty(int(rows.max()) + 1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        return pt.constant(self.values[column])[chosen[place[self.gone[column]]]]


def copies_of(
    rows: int, known: Mapping[str, np.ndarray], gone: Mapping[str, np.ndarray], support: Mapping[str, np.ndarray]
) -> Copies:
    """Return rows once for each combination of the values that they lack.

    Parameters
    ----------
    known
        By column, its values ``(rows,)``, with any number where it is missing.
    gone, support
        By column, the rows that lack it, and the values that it can have.
    """
    lacking: dict[int, list[str]] = {}
    for name, own in gone.items():
        for row in own.tolist():
            lacking.setdefault(row, []).append(name)
    each: dict[tuple[str, ...], np.ndarray] = {}
    for names in {tuple(own) for own in lacking.values()}:
        ways = prod(len(support[name]) for name in names)
        if ways > MOST_COMBINATIONS:
            listed = " and ".join(f"mi({name})" for name in names)
            raise FormulaError(
                f"formula: {listed}: a row that lacks all of them can be completed in {ways:,} ways, more than the "
                f"{MOST_COMBINATIONS:,} that are summed over; leave such rows out, or mi() of one of the columns"
            )
        each[names] = np.array(list(product(*(support[name] for name in names))))
    counts = np.ones(rows, dtype=np.int64)
    for row, own_names in lacking.items():
        counts[row] = len(each[tuple(own_names)])
    if counts.sum() > MOST_COPIES:
        raise FormulaError(
            f"formula: mi({next(iter(gone))}): rows completed in every way would be {counts.sum():,}, more than {MOST_COPIES:,}; "
            "leave rows with missing values out, or impute by another program, which gives several data sets"
        )
    origin = np.repeat(np.arange(rows), counts)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    values = {name: np.array(known[name], dtype=np.float64)[origin] for name in gone}
    for row, own_names in lacking.items():
        for k, name in enumerate(own_names):
            values[name][first[row] : first[row] + counts[row]] = each[tuple(own_names)][:, k]
    return Copies(origin, values, gone)


@dataclass(frozen=True, eq=False)
class SummedOut:
    """What of a model of several responses is on copies of rows.

    Attributes
    ----------
    copies
        The rows.
    own
        By number of a response that is, which of the copies are of rows that it has.
    labels
        By column, the levels that its values are codes of; None of numbers.
    """

    copies: Copies
    own: Mapping[int, np.ndarray]
    labels: Mapping[str, tuple[Any, ...] | None]

    def response(self, number: int, spec: ModelSpec, rows: Any, place: np.ndarray) -> tuple[ModelSpec, Any]:
        """Return a response's model and rows on its copies; ``place`` says which of all rows its own are."""
        at = self.own[number]
        made = rows.take(np.searchsorted(place, self.copies.origin[at]))
        arrays = dict(made.arrays)

        def known(term: TermSpec) -> TermSpec:
            fills, names = TERMS[term.kind].fills, self.columns(term)
            if fills is None or not names:
                return term
            start = f"{term.key}."
            own = {name.removeprefix(start): value for name, value in arrays.items() if name.startswith(start)}
            state, changed = fills.known(term.state, own, {n: self.coded(term, n, self.copies.values[n][at]) for n in names})
            arrays.update({f"{start}{name}": value for name, value in changed.items()})
            return replace(term, state=state)

        def of(predictor: PredictorSpec) -> PredictorSpec:
            return replace(predictor, terms=tuple(known(term) for term in predictor.terms))

        changed = replace(spec, predictors=tuple(of(p) for p in spec.predictors))
        response, name = made.response, spec.response.name
        if name in self.copies.values:
            value = self.copies.values[name][at].astype(response.value.dtype)
            response = response.with_(value=value)
        return changed, replace(made, arrays=arrays, response=response)

    def columns(self, term: TermSpec) -> tuple[str, ...]:
        """Return the columns of a term that are summed out."""
        fills = TERMS[term.kind].fills
        return () if fills is None else tuple(name for name in fills.columns(term.state) if name in self.copies.values)

    def coded(self, term: TermSpec, column: str, values: Any) -> Any:
        """Return values of a column, an array or a tensor, as a term calls them."""
        labels, fills = self.labels[column], TERMS[term.kind].fills
        if labels is None or fills is None:
            return values
        numbers = fills.code(term.state, column, labels).astype(np.float64)
        return (numbers if isinstance(values, np.ndarray) else pt.constant(numbers))[values.astype("int64")]

    def finish(self, spec: JointSpec, found: Mapping[int, Any], unused: Callable[[str], str], scope: Callable[..., Any]) -> str:
        """Add the log likelihood to the model in context, and show the missing values; return the name of what draws them.

        ``scope(number, parameter, key)`` is a term's.
        """
        total: Any = pt.zeros(len(self.copies.origin))
        for number, at in self.own.items():
            total = pt.inc_subtensor(total[at], found[number].pointwise)
        pm.Potential(unused("log_likelihood_summed_out"), self.copies.log_likelihood(total))
        name = unused("summed_out")
        count = sum(len(own) for own in self.copies.together)
        level = 0.5 * pt.erfc(-pm.Normal(name, 0.0, 1.0, shape=count) / np.sqrt(2.0))
        chosen = self.copies.chosen(total, level)
        for number in self.own:
            for predictor in spec.responses[number].predictors:
                for term in predictor.terms:
                    fills, names = TERMS[term.kind].fills, self.columns(term)
                    if fills is not None and names:
                        own = scope(number, predictor.parameter, term.key)
                        values = {n: self.coded(term, n, self.copies.missing(n, chosen)) for n in names}
                        own.naming(partial(fills.report, own, term.state, values))
        return name


def summed_out(spec: JointSpec, places: Sequence[np.ndarray], rows: int, whole: Mapping[int, Any]) -> SummedOut | None:
    """Return what is on copies of rows; None where nothing is missing that is summed out.

    Parameters
    ----------
    places
        Of each response, which of all rows have it.
    whole
        All rows of responses, by number, whose missing values are predictors of others.
    """
    known, gone, support = {}, {}, {}
    labels: dict[str, tuple[Any, ...] | None] = {}
    for number, own in whole.items():
        one = spec.responses[number]
        values = support_of(FAMILIES[one.family], own.response.with_(value=own.response.value[places[number]]))
        if values is not None:
            name = one.response.name
            known[name], support[name], labels[name] = own.response.value, values, one.response.levels
            gone[name] = np.setdiff1d(np.arange(rows), places[number])
    if not known:
        return None
    copies, own_of = copies_of(rows, known, gone, support), {}
    for number, one in enumerate(spec.responses):
        if one.response.name in known:
            check_response(one, False)
            own_of[number] = np.arange(len(copies.origin))
        elif set(needs_of(one)) & set(known):
            check_response(one, number in whole)
            own_of[number] = np.flatnonzero(np.isin(copies.origin, places[number]))
    found = SummedOut(copies, own_of, labels)
    for term in (t for number in own_of for p in spec.responses[number].predictors for t in p.terms):
        for name in found.columns(term):
            found.coded(term, name, np.zeros(1))  # refuses levels that a term does not know
    return found


def check_response(spec: ModelSpec, imputed: bool) -> None:
    """Refuse what rows that are written down several times would change: a response with ``mi()`` of whole numbers or levels."""
    name = spec.response.name
    begin = f"formula: {name}: mi() of yes or no, of counts, or of categories is summed out row by row, "
    if imputed:
        raise FormulaError(
            f"{begin}and missing values of {name} itself are predictors elsewhere, mi({name}), which would differ between the "
            "summands; leave one of the two out"
        )
    if "weighted" in spec.response.modifiers:
        raise FormulaError(
            f"{begin}and {name} is weighted: a row of weight 2 is two rows, each with a value of its own; leave the weights out"
        )
    for term in (t for p in spec.predictors for t in p.terms):
        if "whole" in TERMS[term.kind].words(term.state):
            raise FormulaError(
                f"{begin}and {term.source} is kept orthogonal to other columns over all rows together, which for every summand "
                "would be other rows; write orthogonal=False in it"
            )
        if TERMS[term.kind].lags(term.state):
            raise FormulaError(f"{begin}and {term.source} leans on the rows before; leave it out")

"""The predictive scores of one fit: by leave-one-out weights, on held-out rows, or over folds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.special import logsumexp

from bayesdeep.core.lazy import xr
from bayesdeep.core.random import derive
from bayesdeep.core.records import Response
from bayesdeep.core.registry import FAMILIES
from bayesdeep.inference.kfold import KFold
from bayesdeep.inference.loo import check_draws, combine, with_exact, without_weights
from bayesdeep.inference.loo_record import NOTHING, Loo
from bayesdeep.inference.loo_rows import integrated_values, loo_blocks, said_of
from bayesdeep.inference.refit import LEAST_HELD_OUT, Refitted
from bayesdeep.results.draw_arrays import enough_draws
from bayesdeep.results.fitted import Fitted, blocks_of, flat_draws, own_rows
from bayesdeep.results.log_score import chain_variance, log_score_chains, sums_without
from bayesdeep.results.new_group_warnings import named
from bayesdeep.results.prediction_blocks import blocks
from bayesdeep.results.rows import Rows
from bayesdeep.spec.model_spec import ModelSpec

from . import lifetime_scores
from .lifetime_scores import LifetimeScores, grid_of
from .proper_scores import RowScores, join, row_scores, take

MIN_CHAIN_SE = 2.0
"""Half of the difference in ``elpd`` below which models predict alike: an error of chains from which it counts and is told."""


@dataclass(frozen=True, eq=False)
class Assessed:
    """How one fit predicts.

    Attributes
    ----------
    kind
        ``"loo"``, ``"folds"`` or ``"data"``.
    elpd
        ArviZ's record; pointwise by row, or by group where groups were left out.
    log_score
        Mean log predictive density a row.
    scores
        Scores by row where the response is a number; of the rows whose response is observed.
    probabilities, codes
        Predictive probabilities ``(obs, level)`` and the observed level ``(obs,)`` where the response has levels.
    log_scores
        Log predictive density of every row ``(obs,)``, also where whole groups were left out.
    places
        Which rows ``scores``, or ``probabilities`` and ``codes``, are of: all but those with a censored response.
    lifetimes
        What is stated of right-censored lifetimes, of all rows; None of other responses.
    chain_variance
        That of ``elpd`` which comes of having these chains and no others.
    notes
        What to mind.
    """

    kind: str
    elpd: Loo
    log_score: float
    scores: RowScores | None = None
    probabilities: np.ndarray | None = None
    codes: np.ndarray | None = None
    log_scores: np.ndarray | None = None
    places: np.ndarray | None = None
    lifetimes: LifetimeScores | None = None
    chain_variance: float = 0.0
    notes: tuple[str, ...] = ()


def response_kind(spec: ModelSpec) -> str:
    """Return ``"levels"``, ``"number"``, or ``"other"`` for counts by level, which none of the scores is made for."""
    words = FAMILIES[spec.family].words
    if "several_columns" in words:
        return "other"
    return "levels" if words & {"levels", "two_levels"} else "number"


@dataclass(frozen=True, eq=False)
class Gather:
    """Collects scores of blocks of rows, in whatever order these come; of a row that comes twice the later ones count.

    ``times`` are those that lifetimes are scored at, of responses that are right-censored.
    """

    kind: str
    times: np.ndarray | None = None
    parts: list[Any] = field(default_factory=list)
    places: list[np.ndarray] = field(default_factory=list)
    lifetimes: list[LifetimeScores] = field(default_factory=list)
    every: list[np.ndarray] = field(default_factory=list)

    @classmethod
    def of(cls, spec: ModelSpec, response: Response) -> Gather:
        """Return an empty one for a model of a response."""
        kind = response_kind(spec)
        return cls(kind, grid_of(response) if kind == "number" and "discrete" not in FAMILIES[spec.family].words else None)

    def foretold(self, rows: Rows) -> Rows:
        """Return the rows whose responses are foretold: lifetimes as they would be if nobody had been censored."""
        return rows if self.times is None else replace(rows, response=rows.response.with_(status=None, upper=None))

    @property
    def what(self) -> str | None:
        """Return what is asked of the fit: expected or new responses."""
        return {"levels": "mean", "number": "predictive"}.get(self.kind)

    def extend(self, other: Gather) -> None:
        """Add what another one holds."""
        self.parts.extend(other.parts)
        self.places.extend(other.places)
        self.lifetimes.extend(other.lifetimes)
        self.every.extend(other.every)

    def add(self, draws: np.ndarray, rows: Rows, places: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Score draws ``(draw, rows[, level])`` of rows that are at ``places`` of all."""
        response = rows.response
        known = np.ones(rows.rows, dtype=bool) if response.status is None else response.status == 0
        if self.times is not None:
            self.lifetimes.append(lifetime_scores.scored(draws, response, self.times, weights))
            self.every.append(places)
        if self.kind == "number":
            own = None if weights is None else weights[:, known]
            self.parts.append(row_scores(draws[:, known], response.value[known], own))
        else:
            levels = draws if draws.ndim == 3 else np.stack([1 - draws, draws], axis=2)
            mean = levels.mean(axis=0) if weights is None else np.einsum("sn,snl->nl", weights, levels)
            self.parts.append(mean[known])
        self.places.append(places[known])

    def result(self, rows: Rows) -> dict[str, Any]:
        """Return what was gathered, in the order of the rows, as fields of :class:`Assessed`."""
        if not self.parts:
            return {}
        places = np.concatenate(self.places)
        order = _last_of_each(places)
        if self.kind == "number":
            found = {"scores": take(join(self.parts), order), "places": places[order]}
            if self.lifetimes:
                every = np.concatenate(self.every)
                last = _last_of_each(every)
                same = lifetime_scores.same_rows(rows.arrays, rows.rows)[every[last]]
                found["lifetimes"] = lifetime_scores.join(self.lifetimes).take(last).tied(same)
            return found
        codes = np.asarray(rows.response.value, dtype=int)[places[order]]
        return {"probabilities": np.concatenate(self.parts)[order], "codes": codes, "places": places[order]}


def _last_of_each(places: np.ndarray) -> np.ndarray:
    """Return the positions that put ``places`` in order, of equal ones the last."""
    order = np.argsort(places, kind="stable")
    return np.asarray(order[np.append(np.diff(places[order]) > 0, True)])


def by_loo(fit: Fitted, tick: Callable[[int], None] = lambda rows: None) -> Assessed:
    """Assess a fit on its own rows by leave-one-out weights of its draws; ``tick`` is told how many rows are done."""
    check_draws(fit.idata)
    rows = own_rows(fit, "loo")
    gather = Gather.of(fit.spec, rows.response)
    other = blocks_of(fit, gather.foretold(rows), gather.what) if gather.what else None
    parts, without, names = [], np.zeros(fit.sizes[0]), Counter[tuple[str, ...]]()
    for block in loo_blocks(fit, blocks_of(fit, rows, "pointwise"), rows.rows):
        start, stop = block.start, block.stop
        log_weights = np.asarray(block.loo.log_weights.transpose("chain", "draw", "obs"))
        if len(without) > 1:
            each = logsumexp(log_weights + block.value.reshape(log_weights.shape), axis=1)
            without += sums_without(each, logsumexp(log_weights, axis=1))
        if other is not None and gather.what is not None:
            first, last, own = next(other)
            assert (first, last) == (start, stop)
            draws, more = integrated_values(fit, block, own, gather.what, gather.foretold(rows))
            flat = log_weights.reshape(len(draws), -1) + more
            weights = np.exp(flat - flat.max(axis=0))
            gather.add(draws, rows.take(np.arange(start, stop)), np.arange(start, stop), weights / weights.sum(axis=0))
        parts.append(without_weights(block.loo))
        names.update(block.names())
        tick(stop)
    found = combine(parts, fit.idata).with_(integrated=said_of(names, rows.rows))
    return _of_loo(found, gather.result(rows), chain_variance(without))


def left_out_exactly(fit: Fitted, one: Assessed, found: Sequence[Refitted]) -> Assessed:
    """Return an assessment by leave-one-out with what refits without single rows found of these rows."""
    assert isinstance(one.elpd, Loo)
    gather = Gather.of(fit.spec, own_rows(fit, "loo").response)
    if one.places is not None:
        gather.parts.append(one.probabilities if one.scores is None else one.scores)
        gather.places.append(one.places)
    if one.lifetimes is not None:
        gather.lifetimes.append(one.lifetimes)
        gather.every.append(np.arange(len(one.lifetimes.value)))
    for refitted in found:
        gather.extend(refitted.visited)
    places = np.concatenate([refitted.out for refitted in found])
    values = np.concatenate([refitted.values for refitted in found])
    loo = with_exact(one.elpd, places, values, fit.idata.attrs)
    return _of_loo(loo, gather.result(own_rows(fit, "loo")), one.chain_variance)


def _of_loo(loo: Loo, scores: Mapping[str, Any], variance: float) -> Assessed:
    log_scores, notes = np.asarray(loo.elpd_i, dtype=float), (*loo.advice, *moved(variance))
    mean = loo.elpd / len(log_scores)
    return Assessed("loo", loo, mean, log_scores=log_scores, chain_variance=variance, notes=notes, **scores)


def on_held_out(fit: Fitted, rows: Rows, seed: int | None) -> Assessed:
    """Assess a fit on rows it was not fitted to."""
    gather = Gather.of(fit.spec, rows.response)
    posterior = enough_draws(flat_draws(fit), LEAST_HELD_OUT)
    seed = derive(fit.idata.attrs["seed"] if seed is None else seed, "held out")
    sizes = fit.idata["posterior"].sizes["chain"], fit.idata["posterior"].sizes["draw"]
    values, without = log_score_chains(blocks(fit.spec, posterior, rows, "pointwise", "sample", seed), rows.rows, sizes)
    variance = chain_variance(without)
    _add_all(gather, fit.spec, posterior, rows, np.arange(rows.rows), seed)
    record = elpd_record(values, float(values.sum()), len(next(iter(posterior.values()))) if posterior else 1)
    unseen = {name: labels for name, labels in rows.unseen.items() if labels}
    new = (f"{len(labels)} new group{'s' * (len(labels) > 1)} of '{name}' ({named(labels)})" for name, labels in unseen.items())
    notes = (*new, *moved(variance))
    own = gather.result(rows)
    return Assessed("data", record, float(values.mean()), log_scores=values, chain_variance=variance, notes=notes, **own)


def moved(variance: float) -> tuple[str, ...]:
    """Return a sentence where ``elpd`` would be another one with other chains."""
    if variance < MIN_CHAIN_SE**2:
        return ()
    return (
        f"its chains differ: with others elpd would be another by about {np.sqrt(variance):.0f} (standard error, in dse); "
        "more chains make it steadier",
    )


def score_left_out(
    gather: Gather, spec: ModelSpec, posterior: Mapping[str, np.ndarray], rows: Rows, places: np.ndarray, seed: int
) -> Gather:
    """Return the scores of the rows that a refit left out; with an empty ``gather`` given, what a refit calls."""
    gather = Gather(gather.kind, gather.times)
    _add_all(gather, spec, posterior, rows, places, seed)
    return gather


def by_folds(fit: Fitted, found: KFold, notes: tuple[str, ...] = ()) -> Assessed:
    """Assess a fit that was refitted without each fold; where groups were left out, they are the units of ``elpd``."""
    gather = Gather.of(fit.spec, own_rows(fit, "kfold").response)
    for one in found.visited:
        gather.extend(one)
    draws = int(np.prod([fit.idata["posterior"].sizes[d] for d in ("chain", "draw")]))
    record = elpd_record(found.units, found.elpd, draws)
    said = (f"refitted in {found.k} folds", *notes, *_few(found.doubtful), *moved(found.chain_variance))
    log_scores, mean = np.asarray(found.elpd_i, dtype=float), found.elpd / fit.rows.rows
    own = gather.result(own_rows(fit, "kfold"))
    return Assessed("folds", record, mean, log_scores=log_scores, chain_variance=found.chain_variance, notes=said, **own)


def _few(doubtful: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first doubt, and how many more there are."""
    if len(doubtful) < 2:
        return doubtful
    return (f"{doubtful[0].rstrip('.')} (and {len(doubtful) - 1} more such notes)",)


def _add_all(
    gather: Gather, spec: ModelSpec, posterior: Mapping[str, np.ndarray], rows: Rows, places: np.ndarray, seed: int
) -> None:
    if gather.what is None:
        return
    for start, stop, draws in blocks(spec, posterior, gather.foretold(rows), gather.what, "sample", seed):
        gather.add(draws, rows.take(np.arange(start, stop)), places[start:stop])


def elpd_record(values: np.ndarray, elpd: float, draws: int) -> Loo:
    """Return log predictive densities of units as ArviZ's record, without what only leave-one-out has."""
    return Loo(
        elpd=elpd,
        se=float(np.sqrt(len(values) * values.var(ddof=1))) if len(values) > 1 else 0.0,
        p=float("nan"),
        n_samples=draws,
        n_data_points=len(values),
        scale="log",
        warning=False,
        good_k=NOTHING,
        elpd_i=xr.DataArray(values, dims="obs", coords={"obs": np.arange(len(values))}),
    )

"""Leave-one-out of a fit's rows, a block at a time: by a row's likelihood, or that with effects of its group integrated out.

The effects of a group of few rows have seen the row that is left out, and weights cannot undo that. So they are integrated out
(:mod:`.integrated_rows`): of all rows of small groups where a factor's groups typically have fewer than :data:`FEW` rows, and of
single rows of other groups where Pareto k-hat is large.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy.special import logsumexp

from bayesdeep.core.notices import warn
from bayesdeep.core.random import derive
from bayesdeep.numerics.group_quadrature import NotConcaveError
from bayesdeep.results.fitted import Fitted, blocks_of, flat_draws, own_rows
from bayesdeep.results.labelled import Array
from bayesdeep.results.lagged_rows import lagged_term, one_step
from bayesdeep.results.rows import Rows

from .integrable_effects import GroupFactor, group_factors
from .integrated_rows import LeftOut, Way, left_out, left_out_values
from .loo import SMALL, bad_rows, check_draws, combine, loo_parts, warned
from .loo_record import ROW_ARRAYS, Loo

FEW = 3.0
"""Rows that the typical group has fewer of where effects are integrated out without a look at k-hats."""
SMALL_GROUP = 6
"""Rows of the largest group for which that is done."""
EFFORT = 20_000_000
"""Draws times rows of all groups whose effects are integrated out for rows of large k-hat; of rows beyond they are not."""
FINITE = 0.5
"""Pareto k-hat from which weights have no finite variance. Where effects are integrated out anyhow those of further factors are
for such rows; elsewhere only for rows whose k-hat is too large, and the others have the weights that everybody gives them."""
INNER = 20
"""How many times dearer it is where the rows' own effects are integrated out within."""


@dataclass(frozen=True, eq=False)
class Integrated:
    """Rows of a block whose likelihood has effects integrated out.

    ``places`` are their positions in the block.
    """

    way: Way
    places: np.ndarray
    left: LeftOut

    def take(self, which: np.ndarray) -> "Integrated":
        """Return some of the rows."""
        left, inner = self.left, self.left.inner
        taken = LeftOut(
            left.value[:, which],
            left.effects[:, which],
            left.log_weights[:, which],
            None if inner is None else inner[:, which],
        )
        return Integrated(self.way, self.places[which], taken)


@dataclass(frozen=True, eq=False)
class Block:
    """Leave-one-out of the rows ``start:stop``.

    Attributes
    ----------
    loo
        Of these rows.
    value
        Their log likelihood ``(draw, row)``, in which effects are integrated out of those that ``integrated`` has.
    """

    start: int
    stop: int
    loo: Loo
    value: np.ndarray
    integrated: tuple[Integrated, ...] = ()

    def names(self) -> Counter[tuple[str, ...]]:
        """Return of how many rows the effects of which factors were integrated out."""
        found: Counter[tuple[str, ...]] = Counter()
        for one in self.integrated:
            found[one.way.names] += len(one.places)
        return found


@dataclass(eq=False)
class _Work:
    """What is asked of a fit once, and how much effort is left."""

    fit: Fitted
    factors: tuple[GroupFactor, ...]
    effort: float = EFFORT
    draws: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def first(self) -> GroupFactor | None:
        """Return the factor that is integrated out whatever k-hats are."""
        return self.factors[0] if self.factors and self.factors[0].typical < FEW else None

    def left_out(self, way: Way, out: np.ndarray, plain: np.ndarray) -> LeftOut | None:
        """Return the rows' likelihood with effects integrated out; None where their mass cannot be found."""
        if not self.draws:
            self.draws.update(flat_draws(self.fit))
        seed = derive(self.fit.held.attrs["seed"], f"effects of {', '.join(way.names)} without row {int(out[0])}")
        try:
            found = left_out(
                self.fit.spec, self.draws, own_rows(self.fit, "loo"), way, out, plain, np.random.default_rng(seed)
            )
        except NotConcaveError:
            return None
        return found if np.isfinite(found.value).all() else None

    def ways(self) -> list[Way]:
        """Return what may be integrated out of rows whose k-hats are too large, in the order to be tried."""
        first = self.first
        if first is None or (first.sizes > 1).any() or first.width > 1:
            return [Way(factor) for factor in self.factors if factor is not first]
        return [Way(factor, first) for factor in self.factors if factor is not first]

    def affordable(self, way: Way, out: np.ndarray) -> np.ndarray:
        """Return which of some rows ``out`` there is effort left for, and take it off; those of small groups first."""
        chains, draws = self.fit.sizes
        cost = way.factor.sizes[out] * float(chains * draws) * (1 if way.inner is None else INNER)
        order = np.argsort(cost, kind="stable")
        some = order[np.cumsum(cost[order]) <= self.effort]
        self.effort -= float(cost[some].sum())
        return np.sort(some)


def loo(fit: Fitted, *, pointwise: bool = True) -> Loo:
    """Return PSIS leave-one-out cross-validation of a fit; see :func:`~bayesdeep.inference.loo.loo_from_blocks`.

    Effects of small groups are integrated out of their rows' likelihoods, which the record says as ``integrated``.
    """
    draws, rows = check_draws(fit.held), fit.rows.rows
    blocks: Iterable[tuple[int, int, np.ndarray]] = blocks_of(fit, own_rows(fit, "loo"), "pointwise")
    few = draws * rows <= SMALL
    if few:
        blocks = [(0, rows, np.concatenate([value for *_, value in blocks], axis=1))]
    parts, names = [], Counter[tuple[str, ...]]()
    for block in loo_blocks(fit, blocks, rows, weights=few):
        parts.append(block.loo)
        names.update(block.names())
    found = warned(combine(parts, fit.held).with_(integrated=said_of(names, rows)))
    lagged = lagged_term(fit.spec)
    if lagged is not None:
        warn(one_step("loo", lagged.source))
    return found if pointwise else found.without("elpd_i", "pareto_k")


def loo_blocks(
    fit: Fitted, blocks: Iterable[tuple[int, int, np.ndarray]], rows: int, *, weights: bool = True
) -> Iterator[Block]:
    """Yield leave-one-out of each block of rows.

    Parameters
    ----------
    blocks
        First row, last row + 1 and log likelihood ``(chain * draw, rows)``.
    rows
        Number of rows in all.
    weights
        Whether they are kept.
    """
    work = _Work(fit, group_factors(fit.spec, own_rows(fit, "loo")))

    def weighed(start: int, stop: int, value: np.ndarray) -> Loo:
        ((*_, part),) = loo_parts(fit.held, [(start, stop, value)], rows, weights=weights)
        return part

    for start, stop, plain in blocks:
        value, done = plain, []
        small = _small(work.first, start, stop)
        if work.first is not None and len(small):
            left = work.left_out(Way(work.first), start + small, plain[:, small])
            if left is not None:
                value = plain.copy()
                value[:, small] = left.value
                done.append(Integrated(Way(work.first), small, left))
        part = weighed(start, stop, value)
        for way in work.ways():
            bad = bad_rows(part) if work.first is None else np.flatnonzero(~(part.numbers("pareto_k") <= FINITE))
            bad = bad[work.affordable(way, start + bad)] if len(bad) else bad
            if not len(bad):
                continue
            left = work.left_out(way, start + bad, plain[:, bad])
            if left is None:
                continue
            again = weighed(0, len(bad), left.value)
            better = np.flatnonzero(~(again.numbers("pareto_k") >= part.numbers("pareto_k")[bad]))
            if not len(better):
                continue
            places = bad[better]
            part = _with_rows(part, places, again, better, value[:, places], left.value[:, better])
            done = [one.take(~np.isin(one.places, places)) for one in done]
            done.append(Integrated(way, bad, left).take(better))
            value = value if value is not plain else plain.copy()
            value[:, places] = left.value[:, better]
        yield Block(start, stop, part, value, tuple(one for one in done if len(one.places)))


def _with_rows(
    part: Loo, places: np.ndarray, other: Loo, which: np.ndarray, before: np.ndarray, after: np.ndarray
) -> Loo:
    """Return an estimate in which the rows at ``places`` are those numbered ``which`` of another one.

    ``before`` and ``after`` are these rows' log likelihoods ``(draw, row)`` in both.
    """
    changes, sizes = {}, {"elpd_i": ("obs",), "pareto_k": ("obs",), "log_weights": ("obs", "chain", "draw")}
    for name in ROW_ARRAYS:
        if vars(part)[f"_{name}"] is not None:
            own = part.numbers(name).copy()
            own[places] = other.numbers(name)[which]
            changes[name] = Array(sizes[name], own, {"obs": np.asarray(vars(part)[f"_{name}"].coords["obs"])})
    # The effective number of parameters is the log mean likelihood less the estimate, summed over rows.
    gained = float((logsumexp(after, axis=0) - logsumexp(before, axis=0)).sum())
    elpd_i = changes["elpd_i"].values
    gained -= float((elpd_i[places] - part.numbers("elpd_i")[places]).sum())
    return part.with_(elpd=float(elpd_i.sum()), p=part.p + gained, **changes)


def _small(factor: GroupFactor | None, start: int, stop: int) -> np.ndarray:
    """Return the positions in a block of rows whose groups are small."""
    return np.empty(0, dtype=int) if factor is None else np.flatnonzero(factor.sizes[start:stop] <= SMALL_GROUP)


def integrated_values(
    fit: Fitted, block: Block, values: np.ndarray, what: str, rows: Rows | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions and log weights of draws in which the effects that were integrated out have not seen the row.

    Parameters
    ----------
    values
        Predictions ``(draw, row[, level])`` by the draws' own effects; ``what`` as the graph calls them.
    rows
        What they are predictions of, where these are not the fit's rows as they are.

    Returns
    -------
    values, log_weights
        Predictions, and what is to be added to the logs of the leave-one-out weights ``(draw, row)``.
    """
    log_weights = np.zeros(values.shape[:2])
    if not block.integrated:
        return values, log_weights
    values, draws, rows = np.array(values), flat_draws(fit), own_rows(fit, "loo") if rows is None else rows
    for one in block.integrated:
        out = block.start + one.places
        seed = derive(fit.held.attrs["seed"], f"{what} of {', '.join(one.way.names)} without row {int(out[0])}")
        values[:, one.places] = left_out_values(fit.spec, draws, rows, one.way, one.left, out, what, seed)
        log_weights[:, one.places] = one.left.log_weights
    return values, log_weights


def said_of(names: Counter[tuple[str, ...]], rows: int) -> tuple[str, ...]:
    """Return which effects were integrated out of how many rows, in words."""
    return tuple(
        f"effects of {' and '.join(factors)} integrated out" + ("" if count == rows else f" of {count:,} of {rows:,} rows")
        for factors, count in names.most_common()
    )

r"""A row's likelihood given the other rows of its group, with the group's effects integrated out.

.. math:: p(y_i \mid y_{g \setminus i}, \theta) =
    \frac{\int \prod_{j \in g} p(y_j \mid u, \theta)\, p(u \mid \theta)\, du}
         {\int \prod_{j \in g, j \ne i} p(y_j \mid u, \theta)\, p(u \mid \theta)\, du}

for each draw of everything but the group's effects :math:`u`, which are in the main predictor; other predictors of the rows
are among what is drawn. The posterior of :math:`\theta` without the row is that with it
over this likelihood, so that its inverse is the row's weight: where a group has few rows, or each row an effect of its own, a
draw's own :math:`u` has seen the row, and the inverse of :math:`p(y_i \mid u, \theta)` has no finite variance.

References
----------
Merkle, Furr and Rabe-Hesketh (2019), Bayesian comparison of latent variable models: conditional versus marginal likelihoods,
Psychometrika 84(3), 802-829, https://doi.org/10.1007/s11336-019-09679-0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from bayesdeep.collapse.row_values import LOG_ROOT, is_linear, noise_sd, predictor
from bayesdeep.core.rowwise import RowLikelihood
from bayesdeep.numerics.group_quadrature import Derived, Integrals, MarginalRows, group_integrals, log_joint
from bayesdeep.numerics.group_quadrature import Rows as OfRows
from bayesdeep.results.prediction_blocks import blocks
from bayesdeep.results.rows import Rows
from bayesdeep.spec.model_spec import ModelSpec

from .integrable_effects import GroupFactor

NUMBERS = 300_000
"""Rows times draws whose integrals are worked out at a time."""
WIDER = 1.1
"""How much wider than a normal about the mode effects are drawn from."""
FARTHEST = 8.0


@dataclass(frozen=True, eq=False)
class LeftOut:
    """What a group's other rows say of some rows.

    Attributes
    ----------
    value
        Log likelihood ``(draw, row)`` given the group's other rows.
    effects
        Draws of the group's effects given its other rows ``(draw, row, coefficient)``.
    log_weights
        Of these draws ``(draw, row)``.
    inner
        Draws of the rows' own effects ``(draw, row, 1)``, where these were integrated out as well.
    """

    value: np.ndarray
    effects: np.ndarray
    log_weights: np.ndarray
    inner: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class _Members:
    """Rows of which each task has some: their positions, one task after another, and the first of each."""

    rows: np.ndarray
    starts: np.ndarray


@dataclass(frozen=True, eq=False)
class Way:
    """What is integrated out: the effects of a factor, and perhaps those of another one in which each row is alone.

    The latter are integrated out of each row's likelihood first, for each value of the former.
    """

    factor: GroupFactor
    inner: GroupFactor | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the factors."""
        return (self.factor.name,) if self.inner is None else (self.factor.name, self.inner.name)


@dataclass(frozen=True, eq=False)
class _Given:
    """What integrals are of, for the rows of some tasks.

    Attributes
    ----------
    members
        Which rows each task has.
    likelihood
        Of these rows.
    eta
        Their main predictor without the effects ``(row, draw)``.
    others
        Their other predictors, as drawn ``(predictor, row, draw)``.
    loads
        What standard normal coefficients add to it ``(row, draw, coefficient)``; held as columns and roots.
    own
        The draws' own coefficients ``(draw, task, coefficient)``.
    inner
        What the rows' own standard normal coefficient adds ``(row,)`` and ``(draw,)``, multiplied.
    """

    members: _Members
    likelihood: RowLikelihood
    eta: np.ndarray
    others: np.ndarray
    columns: np.ndarray
    roots: np.ndarray
    own: np.ndarray
    inner: tuple[np.ndarray, np.ndarray] | None
    values: Mapping[str, np.ndarray]

    def at(self, some: slice) -> "_Given":
        """Return it for some of the draws."""
        inner = None if self.inner is None else (self.inner[0], self.inner[1][some])
        values = {name: value[some] for name, value in self.values.items()}
        eta, others, roots = self.eta[:, some], self.others[..., some], self.roots[some]
        return replace(self, eta=eta, others=others, roots=roots, own=self.own[some], inner=inner, values=values)

    @property
    def loads(self) -> np.ndarray:
        """Return what standard normal coefficients add to the predictor ``(row, draw, coefficient)``."""
        return np.einsum("rk,skl->rsl", self.columns, self.roots)

    def functions(self) -> tuple[OfRows, Derived]:
        """Return the rows' log likelihoods as functions of the main predictor, and with two derivatives."""
        like, values, others, count = self.likelihood, self.values, self.others, len(self.eta)

        def derived(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            found, slope, second = like.derivatives(_stacked(eta, others), values)
            return found, slope[:count], second[:count]

        def value(eta: np.ndarray) -> np.ndarray:
            return like.value(_stacked(eta, others), values)

        if self.inner is None:
            return value, derived
        marginal = MarginalRows(value, derived, self.inner[0][:, None] * self.inner[1])
        return marginal.value, marginal.derivatives

    def integrals(self) -> Integrals:
        """Return the tasks' integrals."""
        # The draws' own effects are near the mode; where an sd is 0 there is nothing to say of them.
        with np.errstate(all="ignore"):
            regular = np.abs(np.linalg.det(self.roots))[:, None, None] > 0
            first = np.linalg.solve(np.where(regular, self.roots, np.eye(self.roots.shape[1]))[:, None], self.own[..., None])
        first = np.clip(np.nan_to_num(first[..., 0], nan=0.0, posinf=0.0, neginf=0.0), -FARTHEST, FARTHEST)
        return group_integrals(*self.functions(), self.eta, self.loads, self.members.starts, np.moveaxis(first, 0, 1))

    def joint(self, place: np.ndarray) -> np.ndarray:
        """Return the log of the integrand ``(task, draw)`` at standard coefficients ``(task, draw, coefficient)``."""
        return log_joint(self.functions()[0], self.eta, self.loads, self.members.starts, place)


def left_out(
    spec: ModelSpec,
    draws: Mapping[str, np.ndarray],
    rows: Rows,
    way: Way,
    out: np.ndarray,
    plain: np.ndarray,
    rng: np.random.Generator,
) -> LeftOut:
    """Return the likelihood of rows given the other rows of their groups, and draws of the effects without them.

    Parameters
    ----------
    draws
        By name ``(draw, …)``.
    rows
        All rows.
    out
        Positions of the rows that are left out, each alone.
    plain
        Their log likelihood given the draws' own effects ``(draw, row)``.

    Raises
    ------
    NotConcaveError
        Where the effects' mass cannot be found.
    """
    factor = way.factor
    groups, group_at = np.unique(factor.codes[out], return_inverse=True)
    whole = _given(spec, draws, rows, way, _members(factor, groups))
    alone, others = factor.sizes[out] == 1, _others(factor, out)
    below = _given(spec, draws, rows, way, others) if len(others.rows) else None
    count = len(whole.own)
    value = np.empty((count, len(out)))
    standard, log_weights = rng.standard_normal((count, len(out), factor.width)), np.zeros((count, len(out)))
    step = max(1, NUMBERS // max(len(whole.members.rows), len(others.rows)))
    for start in range(0, count, step):
        some = slice(start, min(start + step, count))
        value[some] = whole.at(some).integrals().value.T[:, group_at]
        if below is not None:
            lower, weights, places = _drawn(below.at(some), np.moveaxis(standard[some][:, ~alone], 0, 1))
            value[some, ~alone] -= lower.T
            log_weights[some, ~alone], standard[some, ~alone] = weights.T, np.moveaxis(places, 0, 1)
    effects = np.einsum("skl,srl->srk", whole.roots, standard)
    # A response that was transformed has a density in units of its own column, by a factor that no effect changes.
    kept = _own(spec, draws, rows, out)
    inner = None
    if way.inner is not None:
        inner = rng.standard_normal((count, len(out), 1)) * way.inner.roots(spec, draws)
    return LeftOut(value + (plain[:1] - kept), effects, log_weights, inner)


def _drawn(given: _Given, standard: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return log integrals and draws from what they are over: their log weights ``(task, draw)``, and the coefficients.

    ``standard`` are standard normal numbers ``(task, draw, coefficient)``.
    """
    found, width = given.integrals(), standard.shape[2]
    place = found.mode + WIDER * (found.root @ standard[..., None])[..., 0]
    drawn = -0.5 * (standard**2).sum(axis=2) - width * (np.log(WIDER) + 0.5 * np.log(2 * np.pi))
    drawn -= np.log(np.abs(np.linalg.det(found.root)))
    return found.value, given.joint(place) - found.value - drawn, place


def left_out_values(
    spec: ModelSpec,
    draws: Mapping[str, np.ndarray],
    rows: Rows,
    way: Way,
    left: LeftOut,
    out: np.ndarray,
    what: str,
    seed: int,
) -> np.ndarray:
    """Return predictions ``(draw, row[, level])`` of rows by effects that have not seen them; ``what`` as the graph calls it."""
    codes, found, done = way.factor.codes[out], None, np.zeros(len(out), dtype=bool)
    while not done.all():
        # Rows of one group have different effects: one of each group at a time.
        todo = np.flatnonzero(~done)
        todo = todo[np.unique(codes[todo], return_index=True)[1]]
        replaced = way.factor.replaced(draws, codes[todo], left.effects[:, todo])
        if way.inner is not None and left.inner is not None:
            replaced = way.inner.replaced(replaced, way.inner.codes[out[todo]], left.inner[:, todo])
        for start, stop, value in blocks(spec, replaced, rows.take(out[todo]), what, "sample", seed):
            if found is None:
                found = np.empty((value.shape[0], len(out), *value.shape[2:]))
            found[:, todo[start:stop]] = value
        done[todo] = True
    assert found is not None
    return found


def _members(factor: GroupFactor, groups: np.ndarray) -> _Members:
    """Return the rows of each group."""
    order = np.argsort(factor.codes, kind="stable")
    order = order[np.isin(factor.codes[order], groups)]
    return _Members(order, np.searchsorted(factor.codes[order], groups))


def _others(factor: GroupFactor, out: np.ndarray) -> _Members:
    """Return the other rows of the group of each row that is not alone in it."""
    order = np.argsort(factor.codes, kind="stable")
    first = np.searchsorted(factor.codes[order], factor.codes[out])
    own = [order[a : a + n] for a, n in zip(first, factor.sizes[out], strict=True)]
    found = [members[members != i] for members, i in zip(own, out, strict=True) if len(members) > 1]
    if not found:
        return _Members(np.empty(0, dtype=int), np.empty(0, dtype=int))
    return _Members(np.concatenate(found), np.cumsum([0, *(len(members) for members in found[:-1])]))


def _given(spec: ModelSpec, draws: Mapping[str, np.ndarray], rows: Rows, way: Way, members: _Members) -> _Given:
    some, place = np.unique(members.rows, return_inverse=True)
    own_rows, taken = rows.take(some), rows.take(members.rows)
    eta = np.concatenate([value for *_, value in blocks(spec, draws, own_rows, "linear", "sample", 0)], axis=1)
    for factor in (way.factor,) if way.inner is None else (way.factor, way.inner):
        eta = eta - (factor.effects(draws, factor.codes[some]) * factor.columns(own_rows)).sum(axis=2)
    likelihood = _likelihood(spec, taken)
    inner = None
    if way.inner is not None:
        inner = way.inner.columns(own_rows)[place, 0], way.inner.roots(spec, draws)[:, 0, 0]
    return _Given(
        members,
        likelihood,
        eta.T[place],
        _other_predictors(spec, draws, own_rows)[:, place],
        way.factor.columns(own_rows)[place],
        way.factor.roots(spec, draws),
        way.factor.effects(draws, way.factor.codes[members.rows[members.starts]]),
        inner,
        {name: draws[name] for name in likelihood.parameters},
    )


def _likelihood(spec: ModelSpec, rows: Rows) -> RowLikelihood:
    """Return the rows' likelihood as a function of their predictor; of linear models without a graph."""
    if not is_linear(spec):
        from bayesdeep.graph.row_likelihood import row_likelihood

        return row_likelihood(spec, rows.arrays, rows.response)
    y = np.asarray(rows.response.value, dtype=np.float64)[:, None]
    times = np.ones_like(y) if rows.response.weights is None else np.asarray(rows.response.weights, dtype=np.float64)[:, None]

    def derivatives(eta: np.ndarray, values: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        sd = noise_sd(spec, values, rows.arrays).T
        z = (y - eta) / sd
        value = times * (-0.5 * z**2 - np.log(sd) - LOG_ROOT)
        return value, times * z / sd, np.broadcast_to(-times / sd**2, eta.shape)

    free = () if "sigma" in spec.known else ("sigma",)
    return RowLikelihood(free, lambda eta, values: derivatives(eta, values)[0], derivatives)


def _own(spec: ModelSpec, draws: Mapping[str, np.ndarray], rows: Rows, out: np.ndarray) -> np.ndarray:
    """Return the rows' log likelihood in the first draw, given its own effects ``(1, row)``."""
    one, taken = {name: value[:1] for name, value in draws.items()}, rows.take(out)
    likelihood = _likelihood(spec, taken)
    eta = np.concatenate([value for *_, value in blocks(spec, one, taken, "linear", "sample", 0)], axis=1)
    stacked = _stacked(eta.T, _other_predictors(spec, one, taken))
    return likelihood.value(stacked, {name: one[name] for name in likelihood.parameters}).T


def _other_predictors(spec: ModelSpec, draws: Mapping[str, np.ndarray], rows: Rows) -> np.ndarray:
    """Return the predictors but the main one ``(predictor, row, draw)``."""
    found = [predictor(spec, draws, rows.arrays, rows.rows, k).T for k in range(1, len(spec.predictors))]
    return np.array(found) if found else np.empty((0, rows.rows, 1))


def _stacked(eta: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return predictors one after another, as likelihoods of rows take them."""
    return np.concatenate([eta, *others]) if len(others) else eta

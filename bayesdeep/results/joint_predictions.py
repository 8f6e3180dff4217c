r"""What a fit of several responses predicts of them together.

Where residuals are correlated a row's responses are, given the parameters, jointly normal or of a multivariate t distribution;
elsewhere they are independent. Of one response alone its own fit says everything.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import gammaln, logsumexp

from bayesdeep.core.errors import FitError
from bayesdeep.core.random import derive
from bayesdeep.core.registry import FAMILIES
from bayesdeep.spec.joint_spec import RESIDUAL, prefix_of

from .fitted import Fitted, asked_rows, seed_for
from .joint_fitted import JointFitted
from .joint_new_groups import seeds_of, settled_draws
from .new_group_warnings import tell
from .prediction_blocks import blocks, check_kind
from .predictive_distribution import normal_draws
from .rows import Rows, check_units

LOG_2PI = float(np.log(2.0 * np.pi))


def joint_draws(
    fit: JointFitted, data: Any, kind: str, new_groups: str | None, seed: int | None
) -> dict[str, np.ndarray]:
    """Return predictive draws of every response ``(chain * draw, obs[, level])``, drawn together where they go together."""
    rows = {name: asked_rows(one, data, "draws", paths=not fit.spec.correlated) for name, one in fit.each.items()}
    what = {name: check_kind(kind, one.spec) for name, one in fit.each.items()}
    if (
        fit.spec.correlated
        and kind == "response"
        and data is None
        and any(len(p) < fit.rows.rows for p in fit.rows.places)
    ):
        raise FitError("draws: responses are there in different rows; give the rows to draw for as data=…")
    settle, base = _settled(fit, rows, new_groups, "draws"), seed_for(next(iter(fit.each.values())), seed)
    draws, rows = settled_draws(fit, rows, settle, base)
    seeds = seeds_of(fit, base)
    if fit.spec.correlated and kind == "response":
        means, sds = _normal(fit, rows, draws, base)
        rng = np.random.default_rng(derive(base, "residuals"))
        noise = rng.standard_normal(np.stack(list(means.values()), axis=-1).shape)
        mixed = np.einsum("dij,dnj->dni", _roots(fit), noise)
        degrees = _degrees(fit)
        if degrees is not None:
            mixed = mixed * np.sqrt(degrees[:, None] / rng.chisquare(degrees[:, None], mixed.shape[:2]))[:, :, None]
        return {name: means[name] + sds[name] * mixed[:, :, k] for k, name in enumerate(fit.each)}
    return {name: _all_blocks(one, draws[name], rows[name], what[name], seeds[name]) for name, one in fit.each.items()}


def joint_log_likelihood(fit: JointFitted, data: Any = None, new_groups: str | None = None) -> np.ndarray:
    """Return the log likelihood of rows ``(chain * draw, obs)``: of all responses that a row has together."""
    return log_likelihoods(fit, data, new_groups)[0]


def log_likelihoods(
    fit: JointFitted, data: Any = None, new_groups: str | None = None
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the log likelihood of rows ``(chain * draw, obs)``, and that of each response by itself in the rows that have it.

    The latter are of a response's marginal distribution: of what is left over, nothing is said by the others.
    """
    if data is None:
        rows: dict[str, Rows] = {name: asked_rows(one, None, "log_score") for name, one in fit.each.items()}
        places, total = fit.rows.places, fit.rows.rows
    else:
        rows = {name: asked_rows(one, data, "log_score", observed=True) for name, one in fit.each.items()}
        total = next(iter(rows.values())).rows
        places = (np.arange(total),) * len(rows)
    for name, one in fit.each.items():
        check_units(one.spec, rows[name])
    settle = _settled(fit, rows, new_groups, "log_score")
    return of_rows(fit, rows, places, total, settle)


def of_rows(
    fit: JointFitted, rows: Mapping[str, Rows], places: Sequence[np.ndarray], total: int, new_groups: str
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return what :func:`log_likelihoods` does, of rows of each response at ``places`` among ``total``."""
    base = seed_for(next(iter(fit.each.values())), None)
    draws, rows = settled_draws(fit, rows, new_groups, base)
    each = {
        name: _all_blocks(one, draws[name], rows[name], "pointwise", seeds_of(fit, base)[name])
        for name, one in fit.each.items()
    }
    found = np.zeros((int(np.prod(fit.sizes)), total))
    if not fit.spec.correlated:
        for value, place in zip(each.values(), places, strict=True):
            found[:, place] += value
        return found, each
    means, sds = _normal(fit, rows, draws, base)
    standard = np.full((*found.shape, len(each)), np.nan)
    for k, (name, place) in enumerate(zip(each, places, strict=True)):
        standard[:, place, k] = (rows[name].response.value - means[name]) / sds[name]
        found[:, place] -= np.log(sds[name])
        slope = rows[name].response.log_slope
        if slope is not None:
            found[:, place] += slope
    found += _standard_density(standard, _correlations(fit), _degrees(fit))
    return found, each


def _settled(fit: JointFitted, rows: Mapping[str, Rows], new_groups: str | None, where: str) -> str:
    """Return what is to become of new groups; warn of them once where that was not said."""
    if new_groups is not None:
        return new_groups
    advice = "; pass new_groups='sample' where they are meant to be new"
    tell(where, [(one.spec, rows[name]) for name, one in fit.each.items()], "sample", advice)
    return "sample"


def _all_blocks(fit: Fitted, draws: Mapping[str, np.ndarray], rows: Rows, what: str, seed: int) -> np.ndarray:
    return np.concatenate([value for *_, value in blocks(fit.spec, draws, rows, what, "sample", seed)], axis=1)


def _degrees(fit: JointFitted) -> np.ndarray | None:
    """Return the degrees of freedom ``(draw,)`` of a multivariate t distribution; None of a normal one."""
    first = fit.spec.responses[0]
    name = FAMILIES[first.family].degrees
    return np.asarray(fit.tree["posterior"][f"{prefix_of(first)}{name}"].to_numpy()).ravel() if name else None


def _standard_density(standard: np.ndarray, correlation: np.ndarray, degrees: np.ndarray | None) -> np.ndarray:
    """Return the log density ``(draw, obs)`` of standardised responses ``(draw, obs, response)``; not a number is not there."""
    there = np.isfinite(standard[0])
    found = np.zeros(standard.shape[:2])
    for kind in np.unique(there, axis=0):
        own = np.flatnonzero((there == kind).all(axis=1))
        places = np.flatnonzero(kind)
        root = np.linalg.cholesky(correlation[:, places[:, None], places])
        white = np.linalg.solve(root, standard[:, own][:, :, places].swapaxes(1, 2))
        log_det = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
        square, count = (white**2).sum(axis=1), len(places)
        if degrees is None:
            value = -0.5 * square - 0.5 * count * LOG_2PI
        else:
            nu = degrees[:, None]
            constant = gammaln(0.5 * (nu + count)) - gammaln(0.5 * nu) - 0.5 * count * np.log(nu * np.pi)
            value = constant - 0.5 * (nu + count) * np.log1p(square / nu)
        found[:, own] = value - log_det[:, None]
    return found


def joint_log_scores(fit: JointFitted, data: Any, new_groups: str | None) -> np.ndarray:
    """Return the log predictive density of each row's responses together ``(obs,)``."""
    values = joint_log_likelihood(fit, data, new_groups)
    found: np.ndarray = logsumexp(values, axis=0) - np.log(len(values))
    return found


def _normal(
    fit: JointFitted, rows: Mapping[str, Rows], draws: Mapping[str, Mapping[str, np.ndarray]], seed: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return means and sds ``(draw, obs)`` of normal responses, whose rows have no new groups any more."""
    means, sds = {}, {}
    for name, one in fit.each.items():
        means[name], sds[name] = normal_draws(one.spec, draws[name], rows[name], "sample", seed)
    return means, sds


def _correlations(fit: JointFitted) -> np.ndarray:
    """Return the residuals' correlation matrices ``(draw, response, response)``."""
    size = len(fit.spec.responses)
    pairs = np.asarray(fit.tree["posterior"][RESIDUAL].to_numpy()).reshape(-1, size * (size - 1) // 2)
    found: np.ndarray = np.broadcast_to(np.eye(size), (len(pairs), size, size)).copy()
    places = [(i, j) for i in range(1, size) for j in range(i)]
    for k, (i, j) in enumerate(places):
        found[:, i, j] = found[:, j, i] = pairs[:, k]
    return found


def _roots(fit: JointFitted) -> np.ndarray:
    return np.asarray(np.linalg.cholesky(_correlations(fit)))

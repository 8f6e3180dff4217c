r"""What a fit of several responses predicts of them together.

Where residuals are correlated a row's responses are, given the parameters, jointly normal or of a multivariate t distribution;
elsewhere they are independent. Of one response alone its own fit says everything.
"""

from typing import Any

import numpy as np
from scipy.special import gammaln, logsumexp

from bayesdeep.core.errors import FitError
from bayesdeep.core.random import derive
from bayesdeep.core.registry import FAMILIES
from bayesdeep.spec.joint_spec import RESIDUAL, prefix_of

from .fitted import Fitted, asked_rows, blocks_of, flat_draws, seed_for
from .joint_fitted import JointFitted
from .new_group_warnings import settled
from .prediction_blocks import check_kind
from .predictive_distribution import normal_draws
from .rows import Rows, check_units

LOG_2PI = float(np.log(2.0 * np.pi))


def joint_draws(
    fit: JointFitted, data: Any, kind: str, new_groups: str | None, seed: int | None
) -> dict[str, np.ndarray]:
    """Return predictive draws of every response ``(chain * draw, obs[, level])``, drawn together where they go together.

    Raises
    ------
    FitError
        For groups the model was not fitted to whose effects are correlated across responses.
    """
    rows = {name: asked_rows(one, data, "draws", paths=not fit.spec.correlated) for name, one in fit.each.items()}
    _refuse_new_groups(fit, rows, new_groups)
    what = {name: check_kind(kind, one.spec) for name, one in fit.each.items()}
    settle = {name: settled(new_groups, one.spec, rows[name], "draws") for name, one in fit.each.items()}
    if fit.spec.correlated and kind == "response":
        if data is None and any(len(place) < fit.rows.rows for place in fit.rows.places):
            raise FitError("draws: responses are there in different rows; give the rows to draw for as data=…")
        means, sds = _normal(fit, rows, settle, seed)
        first = next(iter(fit.each.values()))
        rng = np.random.default_rng(derive(seed_for(first, seed), "residuals"))
        noise = rng.standard_normal(np.stack(list(means.values()), axis=-1).shape)
        mixed = np.einsum("dij,dnj->dni", _roots(fit), noise)
        degrees = _degrees(fit)
        if degrees is not None:
            mixed = mixed * np.sqrt(degrees[:, None] / rng.chisquare(degrees[:, None], mixed.shape[:2]))[:, :, None]
        return {name: means[name] + sds[name] * mixed[:, :, k] for k, name in enumerate(fit.each)}
    return {
        name: np.concatenate([value for *_, value in blocks_of(one, rows[name], what[name], settle[name], seed)], axis=1)
        for name, one in fit.each.items()
    }


def joint_log_likelihood(fit: JointFitted, data: Any = None, new_groups: str | None = None) -> np.ndarray:
    """Return the log likelihood of rows ``(chain * draw, obs)``: of all responses that a row has together.

    Raises
    ------
    FitError
        For groups the model was not fitted to whose effects are correlated across responses.
    """
    each, places, total = dict(fit.each), list(fit.rows.places), fit.rows.rows
    rows = {name: asked_rows(one, data, "log_score", observed=data is not None) for name, one in each.items()}
    for name, one in each.items():
        check_units(one.spec, rows[name])
    if data is not None:
        total = next(iter(rows.values())).rows
        places = [np.arange(total)] * len(each)
    _refuse_new_groups(fit, rows, new_groups)
    settle = {name: settled(new_groups, one.spec, rows[name], "log_score") for name, one in each.items()}
    found = np.zeros((int(np.prod(fit.sizes)), total))
    if not fit.spec.correlated:
        for (name, one), place in zip(each.items(), places, strict=True):
            values = [value for *_, value in blocks_of(one, rows[name], "pointwise", settle[name], None)]
            found[:, place] += np.concatenate(values, axis=1)
        return found
    means, sds = _normal(fit, rows, settle, None)
    standard = np.full((*found.shape, len(each)), np.nan)
    for k, (name, place) in enumerate(zip(each, places, strict=True)):
        standard[:, place, k] = (rows[name].response.value - means[name]) / sds[name]
        found[:, place] -= np.log(sds[name])
        slope = rows[name].response.log_slope
        if slope is not None:
            found[:, place] += slope
    found += _standard_density(standard, _correlations(fit), _degrees(fit))
    return found


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
    fit: JointFitted, rows: dict[str, Rows], new_groups: dict[str, str], seed: int | None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    means, sds = {}, {}
    for name, one in fit.each.items():
        own: Fitted = one
        means[name], sds[name] = normal_draws(own.spec, flat_draws(own), rows[name], new_groups[name], seed_for(own, seed))
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


def _refuse_new_groups(fit: JointFitted, rows: dict[str, Rows], new_groups: str | None) -> None:
    if new_groups == "average":
        return
    for shared in fit.spec.shared:
        fresh = next((own.unseen.get(shared.rows.factor) for own in rows.values() if own.unseen.get(shared.rows.factor)), None)
        if fresh and len({member.response for member in shared.members}) > 1:
            raise FitError(
                f"draws: '{shared.rows.factor}' has groups the model was not fitted to, such as {fresh[0]!r}, whose effects on "
                f"several responses go together by |{shared.name}|; together they are not drawn in this version. Ask each "
                f"response's own fit, fit['{fit.spec.names[0]}'].predict(…), whose predictions are right for such groups, or "
                "pass new_groups='average'"
            )

"""What each group's rows say alone of its intercept, and what the model would say of it without them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bayesdeep.core.effects import Effect, Structured
from bayesdeep.core.errors import FitError
from bayesdeep.core.priors import PriorSpec
from bayesdeep.core.quantities import Entry, Quantity
from bayesdeep.core.registry import PRIORS, TERMS
from bayesdeep.graph.evaluate import function_of, needed
from bayesdeep.results.fitted import Fitted, own_rows
from bayesdeep.results.graph_cache import evaluation_graph
from bayesdeep.results.prediction_blocks import block_rows
from bayesdeep.results.prediction_doors import predictive_draws
from bayesdeep.results.rows import containers

from .parts import GroupTerm

ETA = "predictor of the rows"
TRIED, ROUNDS, WIDER = 41, 3, 3
"""Values tried side by side, how often the best one's neighbourhood is looked at again, how often it is looked further out."""
FLAT = 1e-9
"""A log likelihood that falls by less towards an end than this has no largest value."""


def alone_and_leaning(fit: Fitted, term: GroupTerm, pooled: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return by group ``(group,)`` the intercept its rows say and the one the model would say without them; and the average one.

    Everything else in the predictor (slopes, offsets, other groups, networks) is held at its posterior mean, and so are the other
    parameters of the response: what is left differs from the model's estimate by the shrinkage alone.
    """
    codes = term.codes
    assert codes is not None, "a row has one group"
    eta = predictive_draws(fit, kind="linear").mean(("chain", "draw")).values
    rest = eta - pooled[codes]
    likelihood = _likelihood(fit, rest, codes)
    spread = np.maximum(float(np.std(pooled)), 0.1 * float(np.std(eta))) or 1.0
    return _largest(likelihood, pooled, spread), *_leaning(fit, term)


def _likelihood(fit: Fitted, rest: np.ndarray, codes: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from intercepts ``(try, group)`` to the log likelihood of each group's rows ``(try, group)``."""
    held, posterior = own_rows(fit, "plot"), fit.posterior
    graph = evaluation_graph(fit.spec, held)
    cut = replace(graph, reported={ETA: Quantity(graph.response.linear, ("obs",), Entry()), **graph.reported})
    names = needed(cut, [graph.response.pointwise])
    if any(posterior[name].attrs.get("role") in ("weight", "held") for name in names if name != ETA):
        raise FitError(
            "plot: a network in the formula of another parameter has no mean to hold it at; there is no picture of pooling"
        )
    function = function_of(cut, [graph.response.pointwise])
    means = {name: posterior[name].mean(("chain", "draw")).values for name in names if name != ETA}

    def likelihood(intercepts: np.ndarray) -> np.ndarray:
        tries, groups = intercepts.shape
        total = np.zeros((tries, groups))
        given = {name: np.broadcast_to(value, (tries, *value.shape)) for name, value in means.items()}
        step = block_rows(tries)
        for start in range(0, len(rest), step):
            some = slice(start, min(start + step, len(rest)))
            own = intercepts[:, codes[some]] + rest[some]
            with np.errstate(all="ignore"):
                rows = function({**given, ETA: own}, containers(held, some.start, some.stop))[0]
            rows = np.nan_to_num(np.broadcast_to(rows, own.shape), nan=-np.inf, posinf=-np.inf, neginf=-np.inf)
            for k in range(tries):
                total[k] += np.bincount(codes[some], rows[k], minlength=groups)
        return total

    return likelihood


def _largest(likelihood: Callable[[np.ndarray], np.ndarray], start: np.ndarray, spread: float) -> np.ndarray:
    """Return where each group's log likelihood is largest ``(group,)``; not-a-number where it grows without end."""
    middle, half = start.copy(), np.full(len(start), 10.0 * spread)
    grid = np.linspace(-1.0, 1.0, TRIED)[:, None]
    for _ in range(WIDER):
        values = likelihood(middle + half * grid)
        lost = _endless(values)
        if not lost.any():
            break
        half = np.where(lost, 5.0 * half, half)
    every = np.arange(len(start))
    for _ in range(ROUNDS):
        best = np.clip(np.argmax(values, axis=0), 1, TRIED - 2)
        middle, half = middle + half * grid[best, 0], 2.0 * half / (TRIED - 1)
        values = likelihood(middle + half * grid)
    best = np.clip(np.argmax(values, axis=0), 1, TRIED - 2)
    below, here, above = (values[best + k, every] for k in (-1, 0, 1))
    with np.errstate(all="ignore"):
        # The top of the parabola through the best value and its neighbours.
        bend, step = below - 2.0 * here + above, 2.0 * half / (TRIED - 1)
        shift = np.where(bend < 0, 0.5 * step * (below - above) / bend, 0.0)
    found = middle + half * grid[best, 0] + np.clip(np.nan_to_num(shift), -step, step)
    return np.where(lost, np.nan, found)


def _endless(values: np.ndarray) -> np.ndarray:
    """Return for which groups the log likelihood ``(try, group)`` is as large at an end as anywhere."""
    top = values.max(axis=0)
    slack = FLAT * (1.0 + np.abs(np.where(np.isfinite(top), top, 0.0)))
    return ~np.isfinite(top) | (np.maximum(values[0], values[-1]) >= top - slack)


def _leaning(fit: Fitted, term: GroupTerm) -> tuple[np.ndarray, float]:
    r"""Return the mean of each group's intercept, given all other effects that it is tied to, and the average intercept.

    Effects with the covariance :math:`\Sigma \otimes A` have the precision :math:`Q \otimes W`, so that the mean of group j's
    intercept given all others is :math:`u_{0j} - \sum_k Q_{0k} (W u_k)_j / (Q_{00} W_{jj})`.
    """
    posterior, name = fit.posterior, f"1|{term.factor}"
    effects = _effects(fit, name)
    base = np.asarray(posterior["Intercept"]) if "Intercept" in posterior else np.zeros(posterior[name].shape[:2])
    own = _hyper(fit, name, "location", 0.0)
    centre = float((base + own).mean())
    correlation = effects.law.correlation if effects is not None else None
    if effects is None or (correlation is None and not isinstance(effects.law, Structured)):
        return np.full(len(term.labels), centre), centre
    apart, sds = [], []
    for piece in effects.pieces if correlation is not None else effects.pieces[:1]:
        values = np.asarray(posterior[piece.slot].transpose("chain", "draw", ..., posterior[piece.slot].dims[-1]))
        scale, mean = _hyper(fit, piece.slot, "scale", None), np.asarray(_hyper(fit, piece.slot, "location", 0.0))[..., None]
        # Of each level where levels have classes, else of all.
        scale = scale[..., None] if effects.strata is None else scale[..., np.asarray(effects.strata.of)]
        for k in range(piece.size):
            apart.append((values if piece.scalar else values[:, :, k]) - mean)
            sds.append(scale[:, :, k] if np.ndim(scale) > 3 else scale)
    pairs = None if correlation is None else np.asarray(posterior[correlation])
    if pairs is not None:
        pairs = pairs[:, :, None] if effects.strata is None else pairs[:, :, np.asarray(effects.strata.of)]
    shares = _shares(pairs, sds)
    lean = (base + own)[..., None] + apart[0]
    root = effects.law.root if isinstance(effects.law, Structured) else None
    for share, value in zip(shares, apart, strict=True):
        lean = lean - share * (value if root is None else _against_others(root, value))
    return lean.mean(axis=(0, 1)), centre


def _shares(pairs: np.ndarray | None, sds: list[Any]) -> list[np.ndarray]:
    """Return the first row of the precision of a group's effects over its first entry, ``(chain, draw, level)`` each.

    ``pairs`` are ``(chain, draw, level, pair)``; one level stands for all.
    """
    size = len(sds)
    if pairs is None:
        return [np.ones_like(sds[0])]
    matrix = np.empty((*pairs.shape[:3], size, size))
    for k, (row, column) in enumerate((r, c) for r in range(size) for c in range(r)):
        matrix[..., row, column] = matrix[..., column, row] = pairs[..., k]
    matrix[..., range(size), range(size)] = 1.0
    first = np.linalg.solve(matrix, np.broadcast_to(np.eye(size)[:, :1], (*matrix.shape[:3], size, 1)))[..., 0]
    return [first[..., k] / first[..., 0] * sds[0] / sds[k] for k in range(size)]


def _against_others(root: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return ``(W u)_j / W_jj`` of values ``(…, level)``, ``W`` the inverse of ``root root'``."""
    from scipy.linalg import cho_solve

    precision = cho_solve((root, True), np.eye(len(root)))
    return values @ (precision / np.diag(precision))


def _effects(fit: Fitted, name: str) -> Effect | None:
    """Return the effects of groups that an intercept belongs to."""
    for term in fit.spec.predictors[0].terms:
        declare = TERMS[term.kind].effects
        for effect in declare(term.state) if declare else ():
            if any(piece.slot == name for piece in effect.pieces):
                return effect
    return None


def _hyper(fit: Fitted, name: str, what: str, otherwise: float | None) -> Any:
    """Return the location or scale of effects as draws ``(chain, draw[, coefficient])`` or a number."""
    posterior, chosen = fit.posterior, fit.spec.prior(name)
    if chosen is None:
        return np.asarray(posterior[f"{name}_sigma"]) if otherwise is None else otherwise
    argument = getattr(PRIORS[chosen.prior.name], what)
    value = chosen.prior.get(argument)
    if isinstance(value, PriorSpec):
        return np.asarray(posterior[f"{chosen.key}_{argument}"])
    assert value is not None, "a distribution of effects has a location and a scale"
    return np.full(posterior[name].shape[:2], float(value))

"""Leave-one-out cross-validation by Pareto-smoothed importance sampling, a block of rows at a time.

References
----------
Vehtari, Gelman and Gabry (2017), Practical Bayesian model evaluation using leave-one-out cross-validation and WAIC,
Statistics and Computing 27(5), https://doi.org/10.1007/s11222-016-9696-4. Vehtari, Simpson, Gelman, Yao and Gabry
(2024), Pareto smoothed importance sampling, Journal of Machine Learning Research 25(72). :mod:`bayesdeep.numerics.psis`
has the formula.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from bayesdeep.core.errors import FitError
from bayesdeep.core.lazy import xr
from bayesdeep.core.notices import warn
from bayesdeep.core.roles import shown
from bayesdeep.numerics.mcmc import measure
from bayesdeep.numerics.psis import COMPILED_FROM, COMPILED_ROWS, can_smooth, smooth_few, smooth_rows
from bayesdeep.results.labelled import Array, Tree

from .loo_record import NOTHING, Loo

SMALL = 20_000_000
"""Draws times rows up to which all rows are treated at once, and their weights kept."""
LEAST_DRAWS = 25
RELATIVE_FROM = 1_000

Block = tuple[int, int, np.ndarray]


def loo_from_blocks(
    idata: Tree | xr.DataTree, blocks: Iterable[Block], rows: int, pointwise: bool = True, *, limit: int = SMALL
) -> Loo:
    """Return PSIS leave-one-out cross-validation.

    Parameters
    ----------
    idata
        With the group posterior, from which the relative efficiency of the draws is taken.
    blocks
        First row, last row + 1 and the pointwise log likelihood ``(chain * draw, rows)``, chain by chain.
    rows
        Number of rows in all.
    pointwise
        Keep ``elpd_i`` and ``pareto_k``.
    limit
        Above this many draws times rows, blocks are treated one after another, and weights are not kept.

    Warns
    -----
    UserWarning
        Where Pareto k-hat is too large for some rows. That the draws are approximate is said in ``advice`` instead.

    Raises
    ------
    FitError
        When the draws are too few, as of a point estimate, or are not those of a posterior.
    """
    draws = check_draws(idata)
    if draws * rows <= limit:
        blocks = [(0, rows, np.concatenate([value for _, _, value in blocks], axis=1))]
    found = combine((part for *_, part in loo_parts(idata, blocks, rows, weights=draws * rows <= limit)), idata)
    return warned(found) if pointwise else warned(found).without("elpd_i", "pareto_k")


def warned(found: Loo) -> Loo:
    """Return the estimate, after a warning where Pareto k-hat is too large for some rows."""
    for sentence in found.advice:
        if "k-hat" in sentence:
            warn(sentence)
    return found


def check_draws(idata: Tree | xr.DataTree, where: str = "loo") -> int:
    """Return the number of draws, if a row can be taken out of them by weights; ``where`` begins the error text."""
    problem = why_not_weighed(idata)
    if problem:
        weighed = "chain_weights" in idata.attrs
        if "residuals_of" in idata.attrs:
            raise FitError(f"{where}: {problem}; ask the fit of all of them, fit.loo(response='…')")
        instead = (
            "use log_score() on rows held out, or loo() of the fit it is made from"
            if weighed
            else "use fit.kfold() instead, which refits the model"
        )
        raise FitError(f"{where}: {problem}, and leave-one-out cross-validation weighs posterior draws; {instead}")
    sizes = idata["posterior"].sizes
    return int(sizes["chain"] * sizes["draw"])


def why_not_weighed(idata: Tree | xr.DataTree) -> str:
    """Return why a row cannot be taken out of draws by weights; "" if it can.

    The weight of a draw without a row is the inverse of the row's likelihood, which is right only where draws come in proportion
    to the posterior's density: from methods that sample it, and from approximations that were corrected to it. Members of an
    ensemble and networks with units dropped were each trained on the row, and no weight undoes that.
    """
    attrs, sizes = idata.attrs, idata["posterior"].sizes
    method, draws = attrs.get("method", "this method"), int(sizes["chain"] * sizes["draw"])
    if "chain_weights" in attrs:
        return "the chains of this fit were weighted to predict, so that its draws are not in proportion to a posterior"
    if "residuals_of" in attrs:
        return (
            f"residuals of {attrs['residuals_of']} are correlated, so that draws have seen one response in the others, and "
            "rows are left out whole"
        )
    if draws < LEAST_DRAWS:
        return f"{method} gives {draws} draw{'s' if draws > 1 else ''}"
    if attrs.get("exact", True) or attrs.get("corrected", False):
        return ""
    return f"the draws of {method} are not the posterior's, nor corrected to be"


def loo_parts(
    idata: Tree | xr.DataTree, blocks: Iterable[Block], rows: int, *, weights: bool = True
) -> Iterator[tuple[int, int, Loo]]:
    """Yield the leave-one-out estimate of each block, whose rows are numbered as in the data.

    Where draws times ``rows``, those of all blocks, are many, compiled code makes it. Without ``weights`` these are left out.
    """
    sizes = idata["posterior"].sizes
    chains, draws = int(sizes["chain"]), int(sizes["chain"] * sizes["draw"])
    efficiency = relative_efficiency(idata)
    many = (draws * rows >= COMPILED_FROM or rows >= COMPILED_ROWS) and can_smooth(draws, efficiency)
    for start, stop, value in blocks:
        names, array = np.arange(start, stop), _jitter_constant_rows(np.asarray(value, dtype=float))
        given = (array, names, chains, efficiency)
        _check_finite(array, start)
        try:
            part = _by_row(*given, weights=weights, many=many)
        except ValueError as error:
            raise FitError(
                f"loo: rows {start:,} to {stop - 1:,} have log likelihoods that no weights can be found for ({error}); "
                "use fit.kfold() instead, which refits the model"
            ) from error
        yield start, stop, part


def _check_finite(value: np.ndarray, start: int) -> None:
    """Raise for a row whose log likelihood ``(draw, obs)`` is infinite or no number in some draws: none has a weight then."""
    broken = ~np.isfinite(value).all(axis=0)
    if broken.any():
        row = int(np.argmax(broken))
        count = int((~np.isfinite(value[:, row])).sum())
        raise FitError(
            f"loo: the log likelihood of row {start + row:,} is not finite in {count:,} of {len(value):,} draws, so that these "
            "have no weights; look at fit.diagnose(), or use fit.kfold(), which refits the model"
        )


def _jitter_constant_rows(value: np.ndarray) -> np.ndarray:
    """Return a log likelihood ``(draw, obs)`` in which no row is the same in all draws, as rows of weight 0 are.

    Such a row has nothing that weights could be fitted to; moved by parts in 1e9 its estimate is what it should be.
    """
    still = np.isfinite(value[0]) & (value == value[0]).all(axis=0)
    if not still.any():
        return value
    moved, size = value.copy(), 1e-9 * np.maximum(1.0, np.abs(value[0, still]))
    moved[:, still] += np.linspace(0.0, 1.0, len(value))[:, None] * size
    return moved


def _by_row(value: np.ndarray, names: np.ndarray, chains: int, efficiency: float, *, weights: bool, many: bool) -> Loo:
    """Return leave-one-out of a log likelihood ``(chain * draw, obs)``, by compiled code where numbers are ``many``."""
    smooth, (draws, rows) = smooth_rows if many else smooth_few, value.shape
    found = smooth(value, efficiency, keep_weights=weights)
    kept, good_k = found.log_weights, min(1 - 1 / float(np.log10(draws)), 0.7)

    def by_row(array: np.ndarray, *dims: str) -> Array:
        return Array(("obs", *dims), array, {"obs": names})

    return Loo(
        elpd=float(found.elpd_i.sum()),
        se=float(np.sqrt(rows * found.elpd_i.var(ddof=1))) if rows > 1 else 0.0,
        p=float(found.p_i.sum()),
        n_samples=draws,
        n_data_points=rows,
        scale="log",
        warning=bool((found.pareto_k > good_k).any()),
        good_k=good_k,
        elpd_i=by_row(found.elpd_i),
        pareto_k=by_row(found.pareto_k),
        log_weights=NOTHING if kept is None else by_row(kept.reshape(rows, chains, -1), "chain", "draw"),
    )


def relative_efficiency(idata: Tree | xr.DataTree) -> float:
    """Return the mean effective size over the number of draws, as ArviZ does; of at most 1,000 scalars.

    Weights of networks do not count: they are exchanged between units without any change of the likelihood.
    """
    from bayesdeep.results.convergence_table import stack_scalars

    posterior = shown(idata["posterior"].to_dataset())
    if posterior.sizes.get("chain", 1) == 1 or not posterior.data_vars:
        return 1.0
    _, _, draws = stack_scalars(posterior)
    if len(draws) > RELATIVE_FROM:
        draws = draws[np.linspace(0, len(draws) - 1, RELATIVE_FROM).astype(int)]
    sizes = measure(np.moveaxis(draws, 0, 2), ("ess_mean",))["ess_mean"]
    value = float(sizes[np.isfinite(sizes)].mean()) / draws[0].size if np.isfinite(sizes).any() else 1.0
    return value if value > 0 else 1.0


def without_weights(part: Loo) -> Loo:
    """Let go of the weights, which are as large as the log likelihood."""
    return part.without("log_weights")


def combine(parts: Iterable[Loo], idata: Tree | xr.DataTree) -> Loo:
    """Return the estimates of blocks of rows as one."""
    parts = list(parts)
    elpd_i, pareto_k = (np.concatenate([part.numbers(name) for part in parts]) for name in ("elpd_i", "pareto_k"))
    first, count = parts[0], elpd_i.size
    k_advice = k_sentence(pareto_k, first.good_k)
    rows = {"obs": np.arange(count)}
    return (first if len(parts) == 1 else without_weights(first)).with_(
        elpd=float(elpd_i.sum()),
        se=float(np.sqrt(count * elpd_i.var(ddof=1))) if count > 1 else 0.0,
        p=float(sum(p.p for p in parts)),
        n_data_points=count,
        warning=bool(k_advice),
        elpd_i=Array(("obs",), elpd_i, rows),
        pareto_k=Array(("obs",), pareto_k, rows),
        advice=(*k_advice, *_approximate(idata.attrs)),
    )


def bad_rows(loo: Loo) -> np.ndarray:
    """Return the positions of rows whose Pareto k-hat is too large."""
    return np.flatnonzero(too_large(loo.numbers("pareto_k"), loo.good_k))


def with_exact(loo: Loo, places: np.ndarray, values: np.ndarray, attrs: Any) -> Loo:
    """Return the estimate with exact log predictive densities ``values`` of the rows at ``places``.

    As ArviZ's ``reloo``, which fits one row after another and holds the log likelihood of all: k-hat of these rows becomes 0,
    and ``p``, the log likelihood's mean less ``elpd``, gets what ``elpd`` loses.
    """
    elpd_i, pareto_k = loo.elpd_i.copy(), loo.pareto_k.copy()
    before = np.asarray(elpd_i, dtype=float)[places]
    elpd_i[{"obs": places}], pareto_k[{"obs": places}] = values, 0.0
    k_advice = k_sentence(np.asarray(pareto_k), loo.good_k)
    return loo.with_(
        elpd=float(elpd_i.sum()),
        se=float(np.sqrt(elpd_i.size * elpd_i.var(ddof=1))) if elpd_i.size > 1 else 0.0,
        p=float(loo.p + (before - values).sum()),
        warning=bool(k_advice),
        elpd_i=elpd_i,
        pareto_k=pareto_k,
        log_weights=NOTHING,
        advice=(*k_advice, *_approximate(attrs)),
    )


def too_large(pareto_k: np.ndarray, good_k: float) -> np.ndarray:
    """Return which k-hats are too large; of tails so heavy that there is no number, too."""
    return ~(pareto_k <= good_k)


def k_sentence(pareto_k: np.ndarray, good_k: float) -> tuple[str, ...]:
    """Return a sentence on rows whose Pareto k-hat is too large, or nothing."""
    bad = int(too_large(pareto_k, good_k).sum())
    if not bad:
        return ()
    return (
        f"{bad:,} of {pareto_k.size:,} rows have Pareto k-hat above {good_k:.2f}: their leave-one-out estimates are "
        "not reliable; use fit.kfold(), or a model that is less surprised by them",
    )


def _approximate(attrs: Any) -> tuple[str, ...]:
    if attrs.get("exact", True):
        return ()
    method = attrs.get("method", "approximate")
    return (
        f"the draws are those of {method}, corrected to the posterior by weights, and the estimate inherits their error; "
        "fit.kfold() does not",
    )

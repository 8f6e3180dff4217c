"""How well the chains of a posterior agree, a number at a time: a table of R-hat, effective sizes and errors.

References
----------
Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), Rank-normalization, folding, and localization: an improved
R-hat, Bayesian Analysis 16(2), https://doi.org/10.1214/20-BA1221
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesdeep.core.lazy import xr
from bayesdeep.numerics.mcmc import measure

COLUMNS = ("variable", "rhat", "ess_bulk", "ess_tail", "mcse_relative", "mean", "sd")
SCREEN_ABOVE = 600
"""More quantities than this are screened first; the worst 300 or so are then judged exactly."""
KEEP = 75
TAILS = (0.05, 0.95)


@dataclass(frozen=True)
class Convergence:
    """Convergence of every scalar of a posterior.

    Attributes
    ----------
    table
        Index: the quantity, ``"1|county[AITKIN]"``. Columns:

        * ``rhat``: rank-normalised split R-hat. Good up to 1.01; above 1.05 the chains have different distributions.
        * ``ess_bulk``, ``ess_tail``: effective number of independent draws for the centre and for the 5 % and 95 %
          quantiles. 100 a chain suffice for means and intervals; below 25 a chain nothing should be read off.
        * ``mcse_relative``: Monte Carlo error of the mean in posterior sds. 0.05: the mean is known to a twentieth of
          the posterior's width; above 0.1 its second digit is noise.
        * ``mean``, ``sd``, and ``variable``, the name without labels.
    total
        Number of scalars.
    constant
        How many do not vary (such as reference levels); they are left out.
    nonfinite
        Names of quantities with draws that are NaN or infinite; they are left out.
    screened
        Whether ``table`` has only the worst, found by plain split R-hat and batch means of all of them.
    """

    table: pd.DataFrame
    total: int
    constant: int
    nonfinite: tuple[str, ...]
    screened: bool = False


def convergence(posterior: xr.Dataset, *, every: bool = False) -> Convergence:
    """Return R-hat, effective sample sizes and Monte Carlo errors of all scalars of ``(chain, draw, …)`` variables.

    With ``every`` all of them are judged exactly, however many.
    """
    labels, variables, draws = stack_scalars(posterior)
    finite = np.isfinite(draws).all(axis=(1, 2))
    bad = tuple(labels[i] for i in np.flatnonzero(~finite))
    moves = finite & (draws.max(axis=(1, 2), initial=-np.inf) > draws.min(axis=(1, 2), initial=np.inf))
    chosen = np.flatnonzero(moves)
    screened = len(chosen) > SCREEN_ABOVE and not every
    if screened:
        chosen = chosen[screen(draws[chosen])]
    table = pd.DataFrame(_judge(draws[chosen]), index=[labels[i] for i in chosen])
    table.insert(0, "variable", [variables[i] for i in chosen])
    constant = int((finite & ~moves).sum())
    return Convergence(table[list(COLUMNS)], len(labels), constant, bad, screened)


def stack_scalars(posterior: xr.Dataset) -> tuple[list[str], list[str], np.ndarray]:
    """Return a label and a variable's name for each scalar, and all draws as ``(scalar, chain, draw)``."""
    labels: list[str] = []
    variables: list[str] = []
    parts: list[np.ndarray] = []
    for name, value in posterior.data_vars.items():
        array = np.asarray(value.transpose(..., "chain", "draw"), dtype=float)
        dims = [d for d in value.dims if d not in ("chain", "draw")]
        marks = [[str(x) for x in value[d].values] if d in value.coords else None for d in dims]
        for place in np.ndindex(*array.shape[:-2]):
            inner = [str(i) if mark is None else mark[i] for mark, i in zip(marks, place, strict=True)]
            labels.append(f"{name}[{', '.join(inner)}]" if inner else str(name))
            variables.append(str(name))
        parts.append(array.reshape(-1, *array.shape[-2:]))
    shape = (0, posterior.sizes.get("chain", 1), posterior.sizes.get("draw", 1))
    return labels, variables, np.concatenate(parts) if parts else np.zeros(shape)


def _judge(draws: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of the table for draws ``(scalar, chain, draw)`` that vary."""
    names = ("rhat", "ess_bulk", "ess_tail", "mcse_mean", "mean", "sd")
    found = measure(np.moveaxis(draws, 0, 2), names, tails=TAILS)
    relative = found.pop("mcse_mean") / found["sd"]
    return {**found, "mcse_relative": relative, "sd": found["sd"] if draws[:1].size > 1 else np.zeros(len(draws))}


def screen(draws: np.ndarray, keep: int = KEEP) -> np.ndarray:
    """Return positions of the scalars that look worst, of draws ``(scalar, chain, draw)``.

    Four quick measures, all of them on draws cut off at their 5 % and 95 % quantiles so that heavy tails do not hide
    anything: split R-hat of the draws and of their distance from the median, and batch-means effective sizes of the
    draws and of the tail indicators. The ``keep`` worst by each are returned.
    """
    found: set[int] = set()
    step = max(1, 4_000_000 // max(1, draws[0].size))
    parts = [_screen_block(draws[i : i + step]) for i in range(0, len(draws), step)]
    for badness in np.concatenate(parts, axis=1):
        found |= set(np.argsort(-badness, kind="stable")[:keep].tolist())
    return np.array(sorted(found), dtype=int)


def _screen_block(draws: np.ndarray) -> np.ndarray:
    """Return four measures ``(measure, scalar)``, larger is worse."""
    flat = draws.reshape(len(draws), -1)
    low, middle, high = np.quantile(flat, [TAILS[0], 0.5, TAILS[1]], axis=1)[..., None, None]
    cut = np.clip(draws, low, high)
    tail = np.maximum(_batch_ratio(draws <= low), _batch_ratio(draws <= high))
    return np.array([_split_rhat(cut), _split_rhat(np.abs(cut - middle)), _batch_ratio(cut), tail])


def _split_rhat(draws: np.ndarray) -> np.ndarray:
    half = draws.shape[2] // 2
    split = np.concatenate([draws[..., :half], draws[..., -half:]], axis=1) if half > 1 else draws
    with np.errstate(all="ignore"):
        ratio = split.mean(axis=2).var(axis=1) / split.var(axis=2).mean(axis=1)
    return np.nan_to_num(ratio, nan=0.0, posinf=np.finfo(float).max)


def _batch_ratio(draws: np.ndarray) -> np.ndarray:
    """Return the variance of batch means over that of draws: large where the effective size is small."""
    length = draws.shape[2]
    size = max(1, int(np.sqrt(length)))
    kept = (length // size) * size
    means = draws[..., :kept].reshape(*draws.shape[:2], -1, size).mean(axis=3)
    with np.errstate(all="ignore"):
        ratio = means.var(axis=(1, 2)) / draws.var(axis=(1, 2))
    return np.nan_to_num(ratio, nan=0.0, posinf=np.finfo(float).max)

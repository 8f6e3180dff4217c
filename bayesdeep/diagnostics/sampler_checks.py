"""What a sampler's own statistics say: divergences and where they lie, trajectories cut short, energy, chains that stand still.

References
----------
Betancourt (2016), arXiv:1604.00695 (energy). Chung, Rabe-Hesketh, Dorie, Gelman and Liu (2013), A nondegenerate penalized
likelihood estimator for variance parameters in multilevel models, Psychometrika 78, 685-709 (a gamma prior of shape 2 keeps a
standard deviation off 0).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import xr
from bayesdeep.core.quantities import PARAMETER, SD, of_role
from bayesdeep.results.convergence_table import stack_scalars

from .checks import Check
from .past_run import PastRun
from .places import MAX_SIZE, Place, where
from .prior_conflict import location_scale, tail_power

DIVERGENCE_BAD, DIVERGENCE_BAD_NETWORK = 0.01, 0.1
"""Share of draws from which divergences are alarming. Those of networks gather where a layer's scale is small and its weights
hardly matter; whether that shows is seen in the functions."""
MIN_DIVERGENCES_EXPLAINING = 10
"""Divergences in one place from which they explain what is worse."""
DEPTH_LIMIT = 0.05
BFMI_LIMIT = 0.3
HIGH_ENERGY = 0.1
"""Share of the draws of each chain whose energy is called high."""
HEAVY_TAIL = 7.0
"""Degrees of freedom of a Student t up to which a prior's tail is called heavy."""
STILL, CRAWLING = 0.5, 0.05
"""Share of a chain's draws that are one point in a row, and its standard deviations over those of the other chains, from which on
and below which it is stuck."""
MIN_DRAWS = 20


def group_sds(posterior: xr.Dataset) -> list[str]:
    """Return the names of standard deviations of group effects and of coefficients of a basis."""
    return of_role(posterior, SD)


def sampler_checks(
    stats: xr.Dataset,
    posterior: xr.Dataset,
    run: PastRun,
    priors: Iterable[Mapping[str, Any]] = (),
    divergent: float = DIVERGENCE_BAD,
) -> list[Check]:
    """Check divergences, tree depth, energy, and whether every chain moves.

    Parameters
    ----------
    stats, posterior
        Draws ``(chain, draw, …)``.
    run
        The method and its settings, for advice that can be followed.
    priors
        As in a spec's JSON, by the names of the fields of :class:`~bayesdeep.core.priors.ChosenPrior`.
    divergent
        Share of draws from which divergences are alarming.
    """
    own = {str(chosen["name"]): chosen for chosen in priors}
    rows = stuck_checks(posterior, run)
    if "diverging" in stats:
        rows.append(_divergences(np.asarray(stats["diverging"], dtype=bool), posterior, run, own, divergent))
    if "reached_max_treedepth" in stats:
        rows.append(_depth(float(np.asarray(stats["reached_max_treedepth"], dtype=float).mean()), run))
    if "energy" in stats and stats.sizes.get("draw", 0) > 3:
        energy = np.asarray(stats["energy"].transpose("chain", "draw"), dtype=float)
        rows.append(_energy(energy, posterior, run, own))
    return rows


def _divergences(
    diverging: np.ndarray, posterior: xr.Dataset, run: PastRun, priors: Mapping[str, Mapping[str, Any]], alarming: float
) -> Check:
    count, share = int(diverging.sum()), float(diverging.mean())
    if not count:
        return Check("divergences", 0, "0", True, "the sampler followed the posterior everywhere it went")
    place = where(diverging, posterior, group_sds(posterior), of_role(posterior, PARAMETER))
    meaning = f"{share:.2%} of the draws: the sampler could not follow the posterior; parts of it may be missing"
    higher, todo = run.higher_acceptance(), run.by_better()
    if todo is None:
        model = "use narrower priors or a simpler model" if place is None else _mended(place, priors)
        again = "" if higher is None else run.again(target_accept=higher, **run.longer("tune"))
        todo = f"{again}; if divergences stay, {model}" if again else model
    advice = _sentence("" if place is None else f"The divergences gather where {place}", todo)
    sure = place is not None and count >= MIN_DIVERGENCES_EXPLAINING
    severity, about = 2 if share > alarming else 1, "" if place is None else place.variable
    return Check("divergences", count, "0", False, meaning, severity, (advice,), "divergences", sure, about)


def _sentence(because: str, todo: str) -> str:
    """Return a sentence of a reason, which may be empty, and what to do."""
    text = f"{because}: {todo[0].lower()}{todo[1:]}" if because else todo
    return f"{text[0].upper()}{text[1:]}."


def _mended(place: Place, priors: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what to do with a model about the scale whose values are hard to sample."""
    if not place.small:
        return f"give '{place.variable}' a narrower prior"
    scale = _scale_of(priors.get(place.variable))
    off = f"Gamma(2, {2 / scale:.3g})" if scale else "a gamma distribution of shape 2"
    return (
        f"the data hardly tell '{place.variable}' from 0: leave its term out, or give it a prior that stays off 0, such as {off}"
    )


def _scale_of(chosen: Mapping[str, Any] | None) -> float | None:
    """Return the scale of a prior as a number."""
    if chosen is None:
        return None
    found = location_scale(chosen["prior"]["name"], dict(chosen["prior"]["arguments"]))
    return None if found is None else found[1]


def _depth(share: float, run: PastRun) -> Check:
    ok = share <= DEPTH_LIMIT
    meaning = "share of draws whose trajectory was cut short: slow, not wrong"
    options: dict[str, int | str] = {}
    if run.has("adaptation") and run.settings["adaptation"] != "low_rank":
        options = {"adaptation": "low_rank"}
    elif run.has("max_treedepth"):
        options = {"max_treedepth": int(run.settings["max_treedepth"]) + 2}
    if ok:
        return Check("max tree depth", share, f"<= {DEPTH_LIMIT}", True, meaning)
    again = run.by_better() or run.again(**options)
    advice = f"{again}, or standardise the predictors." if again else "Standardise the predictors."
    return Check("max tree depth", share, f"<= {DEPTH_LIMIT}", False, meaning, 1, (advice,), "depth")


def _energy(
    energy: np.ndarray, posterior: xr.Dataset, run: PastRun, priors: Mapping[str, Mapping[str, Any]]
) -> Check:
    with np.errstate(all="ignore"):
        value = float(np.min(np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1, ddof=1)))
    ok = value >= BFMI_LIMIT
    meaning = "how well the sampler crosses energy levels (Betancourt 2016, arXiv:1604.00695); smallest of the chains"
    if ok:
        return Check("E-BFMI", value, f">= {BFMI_LIMIT}", True, meaning, cause="energy")
    high = energy > np.quantile(energy, 1 - HIGH_ENERGY, axis=1, keepdims=True)
    place = where(high, posterior, group_sds(posterior), of_role(posterior, PARAMETER))
    again = run.again(**run.longer("tune"))
    if place is None:
        advice = _sentence("The posterior has heavy tails", again or "use narrower priors")
    elif place.small:
        model = _mended(place, priors)
        advice = _sentence(f"The energy is highest where {place}", f"{again}; if it stays so, {model}" if again else model)
    else:
        advice = _sentence(f"The energy is highest where {place}", _lighter(place, priors.get(place.variable)))
    about = "" if place is None else place.variable
    return Check("E-BFMI", value, f">= {BFMI_LIMIT}", False, meaning, 1, (advice,), "energy", place is not None, about)


def _lighter(place: Place, chosen: Mapping[str, Any] | None) -> str:
    """Return what prior to use in the place of one whose tail the draws go far out in."""
    if chosen is None:
        return f"give '{place.variable}' a prior with a lighter tail"
    name, arguments = chosen["prior"]["name"], dict(chosen["prior"]["arguments"])
    scale, power = _scale_of(chosen), tail_power(name, arguments)
    heavy = f"the tail of its {chosen['origin']} prior {name} is heavy" if power <= HEAVY_TAIL else "its prior is wide"
    such = f", such as HalfNormal({scale:.3g})" if scale and power <= HEAVY_TAIL else ""
    return f"give '{place.variable}' a prior with a lighter tail{such} ({heavy}, and the data do not end it)"


def stuck_checks(posterior: xr.Dataset, run: PastRun) -> list[Check]:
    """Return a row where chains stand still, or move so little that the others are far wider; none where all move."""
    few = [str(n) for n, v in posterior.data_vars.items() if v.size <= MAX_SIZE * v.sizes["chain"] * v.sizes["draw"]]
    stuck = stuck_chains(stack_scalars(posterior[few])[2]) if few else ()
    if not stuck:
        return []
    every, which = posterior.sizes["chain"], ", ".join(str(c + 1) for c in stuck)
    meaning = (
        f"chain {which} of {every} hardly moves: its draws are one point"
        if len(stuck) == 1
        else f"chains {which} of {every} hardly move: the draws of each are one point"
    )
    again = run.by_better() or run.again(**run.longer("tune"))
    advice = _sentence(meaning, f"{again or 'fit again'} and another seed; where one is stuck again, use narrower priors")
    return [Check("chains that stand still", len(stuck), "0", False, meaning, 2, (advice,), "stuck", True)]


def stuck_chains(draws: np.ndarray) -> tuple[int, ...]:
    """Return the chains that stand still, by all quantities' draws ``(scalar, chain, draw)``."""
    finite = np.isfinite(draws).all(axis=(1, 2))
    moving = draws[finite & (np.ptp(draws, axis=(1, 2)) > 0)] if draws.size else draws
    if len(moving) == 0 or draws.shape[2] < MIN_DRAWS:
        return ()
    repeated = (np.diff(moving, axis=2) == 0).all(axis=0)
    with np.errstate(all="ignore"):  # of draws that are beyond all bounds
        sds = moving.std(axis=2)
    sds = sds[np.isfinite(sds).all(axis=1)]
    found = []
    for chain in range(draws.shape[1]):
        others = np.delete(sds, chain, axis=1)
        crawls = bool(others.size) and float(np.median(sds[:, chain] / np.maximum(np.median(others, axis=1), 1e-300))) < CRAWLING
        if _longest_run(repeated[chain]) > STILL * draws.shape[2] or crawls:
            found.append(chain)
    return tuple(found)


def _longest_run(repeated: np.ndarray) -> int:
    """Return the most flags in a row that are true, of flags ``(draw,)``."""
    breaks = np.flatnonzero(np.concatenate([[True], ~repeated, [True]]))
    return int(np.diff(breaks).max()) - 1

"""Proportional hazards: a hazard that is the same function of time for all, times exp(predictor).

Ties. Breslow's and Efron's formulas are approximations of the partial likelihood, which orders events and has no place for two
at once. The likelihood here is the full one, with a density of time for every event: rows with the same time stand beside each
other, nothing is to be approximated, and rows are independent, as leave-one-out, folds and predictions need; of a partial
likelihood they are not. Its coefficients are near Efron's: in R's lung and veteran data, and in lung with times rounded up to 61
days, all events at 17 times, within 0.3 of their standard errors, which differ by less than 1 percent
(``tests/families/test_cox.py``). Where ties come from coarse clocks, the interval is what is known: ``censored(time, upper,
status)`` is the exact likelihood of that. Breslow's formula is exactly that of Poisson counts, one for each row at risk at each
event time, with a level for each time (Holford 1980; Laird & Olivier 1981, https://doi.org/10.1080/01621459.1981.10477634).

Late entry. Rows that enter late are there because they lived until then, and their mean lifetime is that of such rows. Slopes,
contrasts and curves of means are of it; those of survival, hazard and restricted mean are of a lifetime from 0.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Default, Family, Link, Parameter, Response, RowLaw, RowValues
from bayesdeep.core.response_checks import observed, positive, refuse_rows
from bayesdeep.core.supports import POSITIVE

from . import _hazard_terms
from ._baseline import TINY, Baseline
from ._custom import custom, not_evaluated
from ._defaults import fixed
from ._knots_of_events import knots_of
from ._positive import log_above, log_below, log_density

SHARES = "baseline"
GUMBEL_SD = float(np.pi / np.sqrt(6.0))
"""Standard deviation of log H0(T) about minus the predictor, whatever the baseline."""
MOST_KNOTS = 50


def code(baseline: Baseline, response: Response) -> Response:
    """Return the response as float64; times must be above 0, entries before them, and events after the first knot."""
    response = positive(response, "cox", "a time of 0 is no time at risk; leave the row out or measure it in a finer unit")
    if response.lower_bound is not None:
        none = np.asarray(response.lower_bound) >= response.value
        refuse_rows(response, none, "cox", "times after entry", "a row that enters when its time is over was never at risk")
    early = observed(response) & (response.value < baseline.knots[0])
    refuse_rows(
        response, early, "cox", f"events after its first knot, {baseline.knots[0]:g}, before which there is no hazard",
        "name knots that begin earlier, as in family='cox(knots=[0, 100, 300])'",
    )  # fmt: skip
    return response


def scale(baseline: Baseline, response: Response, link: Link) -> tuple[float, float]:
    """Return the log of events over what the time at risk would come to in equal shares, and 1."""
    del link
    shares = np.full(len(baseline.knots), 1.0 / len(baseline.knots))
    at_risk = baseline.cumulative_basis(np, np.asarray(response.value, dtype=np.float64)[:, None]) @ shares
    if response.lower_bound is not None:
        at_risk -= baseline.cumulative_basis(np, np.maximum(np.asarray(response.lower_bound), 0.0)[:, None]) @ shares
    weights = np.ones(len(at_risk)) if response.weights is None else np.asarray(response.weights, dtype=np.float64)
    events = max(float((weights * observed(response)).sum()), 0.5)
    return float(np.log(events / max(float((weights * at_risk).sum()), TINY))), 1.0


def rv(baseline: Baseline, params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the lifetime with hazard ``mu h0(t)``."""
    del aux

    def cumulative(value: Any, mu: Any, shares: Any) -> Any:
        return mu * (baseline.cumulative_basis(pt, value[..., None]) * shares).sum(axis=-1)

    def logp(value: Any, mu: Any, shares: Any) -> Any:
        def inside(y: Any) -> Any:
            hazard = (baseline.hazard_basis(pt, y[..., None]) * shares).sum(axis=-1)
            return pt.log(mu) + pt.log(hazard) - cumulative(y, mu, shares)

        return log_density(pt.as_tensor(value), inside)

    def logcdf(value: Any, mu: Any, shares: Any) -> Any:
        return log_below(pt.as_tensor(value), lambda y: pt.log1mexp(-cumulative(y, mu, shares)))

    def icdf(q: Any, mu: Any, shares: Any) -> Any:
        return baseline.inverse(pt, -pt.log1p(-q) / mu, shares)

    def draw(mu: Any, shares: Any, size: Any) -> Any:
        unit = pm.Exponential.dist(scale=pt.ones_like(mu + shares[..., 0]), size=size)
        return baseline.inverse(pt, unit / mu, shares)

    given = params["mu"], params[SHARES]
    return custom("Cox", logp, draw, *given, signature="(),(k)->()", logcdf=logcdf, icdf=icdf)


def beyond(baseline: Baseline, params: Mapping[str, Any], aux: Aux, lower: Any) -> Any:
    """Return the lifetime given that it is longer than ``lower``: another exponential variable of hazard is to be piled up."""
    del aux

    def draw(mu: Any, shares: Any, lower: Any, size: Any) -> Any:
        unit = pm.Exponential.dist(scale=pt.ones_like(mu + shares[..., 0] + lower), size=size)
        before = (baseline.cumulative_basis(pt, pt.maximum(lower, 0.0)[..., None]) * shares).sum(axis=-1)
        return baseline.inverse(pt, before + unit / mu, shares)

    given = params["mu"], params[SHARES], pt.as_tensor(lower)
    return custom("CoxBeyond", not_evaluated, draw, *given, signature="(),(k),()->()")


def mean(baseline: Baseline, params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the mean lifetime, for which the hazard after the last knot stays what it is there."""
    del aux
    return baseline.mean(pt, params["mu"], params[SHARES])


def truncated_mean(baseline: Baseline, params: Mapping[str, Any], lower: Any, upper: Any, log_mass: Any) -> Any:
    """Return the mean lifetime of who was alive at ``lower``, and dead by ``upper`` where that is finite.

    It is ``a + m(a)``, where ``m`` is the mean time left. Up to ``b`` it is ``(a + m(a) - p (b + m(b))) / (1 - p)``, with ``p``
    the probability to live from ``a`` to ``b``.
    """
    del log_mass
    mu, shares = params["mu"], params[SHARES]
    a, b = pt.maximum(pt.as_tensor(lower), 0.0), pt.as_tensor(upper)
    far = pt.isinf(b)
    end = pt.where(far, a + 1.0, b)
    whole = a + baseline.left(pt, mu, shares, a)
    piled = [(baseline.cumulative_basis(pt, time[..., None]) * shares).sum(axis=-1) for time in (a, end)]
    log_alive = mu * (piled[0] - piled[1])
    up_to = (whole - pt.exp(log_alive) * (end + baseline.left(pt, mu, shares, end))) / -pt.expm1(pt.minimum(log_alive, -TINY))
    return pt.where(far, whole, pt.clip(up_to, a, end))


def log_survival(baseline: Baseline, params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return minus the cumulative hazard, ``-mu H0(value)``."""
    del aux
    mu, shares = params["mu"], params[SHARES]

    def of(time: Any) -> Any:
        return -mu * (baseline.cumulative_basis(pt, time[..., None]) * shares).sum(axis=-1)

    return log_above(pt.as_tensor(value), of)


def row_law(baseline: Baseline, link: str) -> RowLaw:
    """Return mean and new lifetimes in NumPy."""
    del link

    def given(params: RowValues) -> tuple[np.ndarray, np.ndarray]:
        return params["mu"], params[SHARES][:, None, :]

    def mean_of(params: RowValues, trials: np.ndarray | None) -> np.ndarray:
        del trials
        with np.errstate(over="ignore"):
            return np.asarray(baseline.mean(np, *given(params)))

    def draw(rng: np.random.Generator, params: RowValues, trials: np.ndarray | None) -> np.ndarray:
        del trials
        mu, shares = given(params)
        with np.errstate(over="ignore", divide="ignore"):
            return np.asarray(baseline.inverse(np, rng.standard_exponential(mu.shape) / mu, shares))

    return RowLaw(mean_of, draw)


EQUAL: Default = Default("Dirichlet(1)", "all ways to share the cumulative hazard out among the knots alike")


NO_TIES = (
    "takes no ties=: every event has a density in continuous time, so that events at one time need no approximation. Leave it "
    "out: coefficients are near those of Efron's, and where times are in coarse units the interval is what is known, "
    "censored(time, upper, status) ~ …, with status 'interval'"
)


def variant(knots: int | Sequence[float] | None = None, ties: str | None = None) -> Family:
    """Return the family with so many knots, or with these; ``ties`` is there to be answered.

    Raises
    ------
    ValueError
        For fewer than two knots, or knots that do not increase from 0 or above; and for any ``ties``.
    """
    if ties is not None:
        raise ValueError(NO_TIES)
    if knots is None or (isinstance(knots, int) and not isinstance(knots, bool)):
        if knots is not None and not 2 <= knots <= MOST_KNOTS:
            raise ValueError(f"knots={knots} should be from 2 to {MOST_KNOTS}, or the times themselves: knots=[0, 100, 300]")
        return _family(Baseline((0.0, 0.5, 1.0, 2.0)), partial(_learned, knots))
    places = tuple(float(place) for place in knots) if not isinstance(knots, str | bool) else ()
    increasing = len(places) > 1 and places[0] >= 0 and bool((np.diff(places) > 0).all()) and np.isfinite(places[-1])
    if not increasing or len(places) > MOST_KNOTS:
        raise ValueError(f"knots={knots!r} should be 2 to {MOST_KNOTS} increasing times from 0 or above, or their number")
    return _family(Baseline(places))


def _learned(count: int | None, response: Response) -> Family:
    return FAMILY.of(knots=list(knots_of(response, count)))


def _family(baseline: Baseline, learned: Any = None) -> Family:
    size = len(baseline.knots)
    example = np.arange(1.0, size + 1.0) if size != 4 else np.array([2.0, 4.0, 1.0, 3.0])
    return Family(
        name="cox",
        title="proportional hazards (Cox)",
        aliases=("coxph", "proportional_hazards"),
        parameters=(
            Parameter("mu", ("log",), "positive"),
            Parameter(
                SHARES, (), "simplex", fixed(EQUAL.text, EQUAL.reason), shape="shares",
                labels=tuple(f"{knot:.{4}g}" for knot in baseline.knots),
            ),
        ),
        code=partial(code, baseline),
        support=POSITIVE,
        rv=partial(rv, baseline),
        mean=partial(mean, baseline),
        log_survival=partial(log_survival, baseline),
        beyond=partial(beyond, baseline),
        truncated_mean=partial(truncated_mean, baseline),
        row_terms=partial(_hazard_terms.of_hazards, baseline, SHARES),
        written_for=frozenset({"censored", "truncated"}),
        row_law=partial(row_law, baseline),
        residual=lambda link: GUMBEL_SD if link == "log" else None,
        scale=partial(scale, baseline),
        modifiers=frozenset({"censored", "truncated", "weighted"}),
        variant=variant,
        learned=learned,
        example={"mu": 0.8, SHARES: tuple((example / example.sum()).tolist())},
        density=(
            "{y} has the hazard {mu} · h₀(t), and survival exp(−{mu} · H₀(t))\n"
            "    h₀(t) = Σ_k {baseline}[k] M_k(t), a linear spline with knots at "
            + ", ".join(f"{knot:.{4}g}" for knot in baseline.knots)
            + ",\n    constant beyond the last; M_k has the area 1, H₀ is the integral of h₀"
        ),
        notes=(
            "mu = exp(eta) multiplies the baseline hazard, so that coefficients are log hazard ratios; normal effects of groups "
            "are log-normal frailties. The baseline hazard is a linear spline (an M-spline of order 2, Ramsay 1988) with "
            "knots at "
            "quantiles of the event times, and the shares of its cumulative hazard sum to 1: exp(Intercept) is the cumulative "
            "hazard at the last knot. The full likelihood is used (as by Brilleman, Elci, Novik and Wolfe 2020, "
            "arXiv:2002.09633), so "
            "that survival can be predicted; beyond the last knot the hazard is taken to stay what it is there."
        ),
    )  # fmt: skip


FAMILY = variant()

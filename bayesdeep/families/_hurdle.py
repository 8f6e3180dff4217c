"""A point mass at 0 beside a density elsewhere: the hurdle families of numbers that are 0 or have a given law.

A zero says nothing of the law, nor other values of the probability of a zero: with a density there is no other way to come to
one, so that a zero-inflated family of numbers and a hurdle one are the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Parameter, Response

from ._custom import custom
from ._defaults import PROBABILITY
from ._scale import unit_spread
from ._unit import UNIT_LINKS, inner_unit

Function = Callable[..., Any]


@dataclass(frozen=True)
class Law:
    """A density and what follows from it, as functions of its parameters in the order of ``names``.

    Attributes
    ----------
    names
        Of the parameters; the hurdle's own comes after them.
    density
        ``density(value, *parameters)``: log density, minus infinity outside the support.
    draw
        ``draw(*parameters, size=)``, never 0.
    mean, variance
        Of the law alone.
    within
        A value that it can have.
    below, above
        ``below(value, *parameters)``: ``log P(Y <= value)`` and ``log P(Y > value)``; None where it has none.
    """

    names: tuple[str, ...]
    density: Function
    draw: Function
    mean: Function
    variance: Function
    within: float
    below: Function | None = None
    above: Function | None = None


def share(name: str, elsewhere: Mapping[str, str]) -> Parameter:
    """Return the parameter that is the probability of a zero."""
    return Parameter(name, UNIT_LINKS, "unit", PROBABILITY, spread=unit_spread, elsewhere=elsewhere)


def rv(title: str, law: Law, share: str) -> Callable[[Mapping[str, Any], Aux], Any]:
    """Return the function of parameters that makes the distribution: 0 with the probability ``share``, else the law."""

    def made(params: Mapping[str, Any], aux: Aux) -> Any:
        del aux

        def logp(value: Any, *given: Any) -> Any:
            *own, zero = given
            some = pt.neq(value, 0.0)
            return pt.switch(some, pt.log1p(-zero) + law.density(pt.where(some, value, law.within), *own), pt.log(zero))

        def draw(*given: Any) -> Any:
            *own, zero, size = given
            none = pt.zeros_like(sum(own)) + pt.zeros_like(zero)
            value = law.draw(*(one + none for one in own), size=size)
            return pt.switch(pm.Bernoulli.dist(zero + none, size=size), 0.0, value)

        given = [*(params[name] for name in law.names), inner_unit(params[share])]
        return custom(title, logp, draw, *given, signature=f"{','.join('()' for _ in given)}->()")

    return made


def mean(law: Law, share: str) -> Callable[[Mapping[str, Any], Aux], Any]:
    """Return the function of the mean, ``(1 - share)`` times the law's."""
    return lambda params, aux: (1.0 - params[share]) * law.mean(*_own(law, params))


def variance(law: Law, share: str) -> Callable[[Mapping[str, Any], Aux], Any]:
    """Return the function of the variance, ``(1 - share) (v + share m²)`` with the law's mean ``m`` and variance ``v``."""

    def found(params: Mapping[str, Any], aux: Aux) -> Any:
        del aux
        own = _own(law, params)
        return (1.0 - params[share]) * (law.variance(*own) + params[share] * law.mean(*own) ** 2)

    return found


def log_below(law: Law, share: str) -> Callable[[Mapping[str, Any], Aux, Any], Any]:
    """Return the function of ``log P(Y <= value)``: below 0 there is nothing, from 0 on the zeros, too."""

    def found(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
        del aux
        assert law.below is not None
        own, zero = law.below(value, *_own(law, params)), params[share]
        # Where there are no zeros at all, nothing keeps the logarithm from underflow.
        some = pt.gt(zero, 0.0)
        both = pt.log(pt.where(some, zero + (1.0 - zero) * pt.exp(own), 1.0))
        return pt.switch(pt.ge(value, 0.0), pt.switch(some, both, own), -np.inf)

    return found


def log_survival(law: Law, share: str) -> Callable[[Mapping[str, Any], Aux, Any], Any]:
    """Return the function of ``log P(Y > value)``."""

    def found(params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
        del aux
        assert law.above is not None
        beyond = pt.log1p(-params[share]) + law.above(value, *_own(law, params))
        return pt.switch(pt.ge(value, 0.0), beyond, 0.0)

    return found


def truncated_mean(
    law: Law, share: str, biased: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> Callable[[Mapping[str, Any], Any, Any, Function], Any]:
    """Return the function of the mean between bounds, ``(1 - share) m P' / P``.

    ``biased`` are the parameters of the density ``y p(y) / m``, of which the probability between the bounds is ``P'``: zeros add
    to ``P`` and to nothing else.
    """

    def found(params: Mapping[str, Any], lower: Any, upper: Any, log_mass: Function) -> Any:
        del lower, upper
        other = {**biased(params), share: pt.zeros_like(params[share])}
        whole = (1.0 - params[share]) * law.mean(*_own(law, params))
        return whole * pt.exp(log_mass(other) - log_mass(params))

    return found


def _own(law: Law, params: Mapping[str, Any]) -> list[Any]:
    return [params[name] for name in law.names]


def without(response: Response, atoms: tuple[float, ...], within: float) -> Response:
    """Return the rows of a response that are none of its atoms, for scales; one of the value ``within`` where there is none."""
    keep = ~np.isin(response.value, atoms)
    if not keep.any():
        return Response(response.name, np.array([within]))
    arrays = {f.name: getattr(response, f.name) for f in fields(response)}
    return response.with_(**{name: a[keep] for name, a in arrays.items() if isinstance(a, np.ndarray)})

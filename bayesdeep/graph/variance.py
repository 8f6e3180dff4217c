"""Variances of distributions in closed form, from the arguments of their random variables."""

from collections.abc import Callable, Mapping
from typing import Any

from bayesdeep.core.lazy import pt

CLOSED: Mapping[str, Callable[..., Any]] = {
    "normal": lambda mu, sigma: sigma**2 + 0.0 * mu,
    "laplace": lambda mu, scale: 2.0 * scale**2 + 0.0 * mu,
    "t": lambda nu, mu, sigma: pt.switch(nu > 2.0, sigma**2 * nu / pt.maximum(nu - 2.0, 1e-300), float("inf")) + 0.0 * mu,
    "poisson": lambda mu: mu,
    "exponential": lambda scale: scale**2,
    "gamma": lambda shape, scale: shape * scale**2,
    "lognormal": lambda mu, sigma: pt.expm1(sigma**2) * pt.exp(2.0 * mu + sigma**2),
    "beta": lambda a, b: a * b / ((a + b) ** 2 * (a + b + 1.0)),
    "bernoulli": lambda p: p * (1.0 - p),
    "binomial": lambda n, p: n * p * (1.0 - p),
    "negative_binomial": lambda n, p: n * (1.0 - p) / p**2,
}
"""By the name PyTensor gives the variable, a function of its arguments in PyTensor's order."""


def variance_of(variable: Any) -> Any:
    """Return the variance ``(obs,)`` of a random variable; None where there is no closed form here.

    That of Student's t with two degrees of freedom or fewer is infinite.
    """
    from pytensor.tensor.random.op import RandomVariable

    node = variable.owner
    if node is None or not isinstance(node.op, RandomVariable) or node.op.name not in CLOSED:
        return None
    return CLOSED[node.op.name](*node.op.dist_params(node))

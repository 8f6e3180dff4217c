"""Links, which are also the activations of networks: one registry for both.

A link maps a mean to the scale on which predictors add up, ``eta = forward(mu)``; its inverse maps back. Links onto
the unit interval also give ``log(mu)`` and ``log(1 - mu)`` as functions of ``eta``: for large ``|eta|`` the
probability rounds to 0 or 1 and its logarithm would be infinite, although the true value is an ordinary number.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from .errors import BayesdeepError, nearest
from .lazy import pt
from .records import Link
from .registry import Registry

SQRT_2 = float(np.sqrt(2.0))
# PyTensor casts a bare `2.0` to float32 if nothing is lost, and `pt.sqrt` of that is only good to 8 digits:
# constants of this module are worked out in Python's double precision.

EXP_LIMIT = 700.0
"""Largest exponent used: ``exp(700)`` is about 1e304, so that sums over many rows stay finite."""

TINY_EXP = -37.0
"""Below this, ``1 - exp(-exp(eta))`` equals ``exp(eta)`` to double precision."""


def log_normal_cdf(z: Any) -> Any:
    """Return ``log Φ(z)`` of the standard normal distribution, accurate in both tails.

    Below -1 it is ``log(erfcx(-z / √2) / 2) - z² / 2`` (erfcx is the scaled complementary error function, which
    does not underflow); above, ``log1p(-erfc(z / √2) / 2)``.

    Notes
    -----
    Each branch sees arguments from its own side only: an overflow in the branch not taken would turn the gradient
    into NaN. Below -1e18 the argument is held, so that its square overflows in no precision.
    """
    low, high = pt.clip(z, -1e18, -1.0), pt.maximum(z, -1.0)
    left = pt.log(0.5 * pt.erfcx(-low / SQRT_2)) - 0.5 * low * low
    right = pt.log1p(-0.5 * pt.erfc(high / SQRT_2))
    return pt.switch(pt.lt(z, -1.0), left, right)


def _normal_cdf(z: Any) -> Any:
    return 0.5 * pt.erfc(-z / SQRT_2)


def _normal_quantile(p: Any) -> Any:
    # Imported late: scipy.special costs a noticeable part of the package's import time.
    from scipy.special import ndtri

    return ndtri(p)


def _complementary_log_log(eta: Any) -> Any:
    """Return ``log(1 - exp(-exp(eta)))``, which is ``eta`` itself far below 0."""
    inner = pt.exp(pt.clip(eta, TINY_EXP, EXP_LIMIT))
    return pt.switch(pt.lt(eta, TINY_EXP), eta, pt.log1mexp(-inner))


def _minus_exp(eta: Any) -> Any:
    return -pt.exp(pt.minimum(eta, EXP_LIMIT))


def _cauchy_cdf(eta: Any) -> Any:
    # The angle of the point (-eta, 1) keeps its digits near 0, where 1/2 + atan(eta) / π loses them.
    return pt.arctan2(1.0, -eta) / np.pi


def _log_odds(mu: Any) -> Any:
    return np.log(mu) - np.log1p(-np.asarray(mu))


def _exp(eta: Any) -> Any:
    # A mean of exactly 0 or infinity makes log likelihoods and their gradients NaN; the limits keep it positive.
    return pt.exp(pt.clip(eta, -EXP_LIMIT, EXP_LIMIT))


def _softplus(eta: Any) -> Any:
    return pt.softplus(pt.maximum(eta, -EXP_LIMIT))


def _softplus_forward(mu: Any) -> Any:
    return mu + np.log(-np.expm1(-np.asarray(mu)))


Map = Callable[[Any], Any]


def _unit(
    name: str, forward: Map, inverse: Map, log: Map, log1m: Map, formula: str, reach: float, on_arrays: Any = None
) -> Link:
    example = (1e-6, 0.2, 0.5, 0.93)
    return Link(name, forward, inverse, "unit", log, log1m, formula, reach, example=example, on_arrays=on_arrays)


def _line(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return eta, np.ones_like(eta), np.zeros_like(eta)


def _exponential(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    value = np.exp(np.clip(eta, -EXP_LIMIT, EXP_LIMIT))
    return value, value, value


def _sigmoid(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    small = np.exp(-np.abs(eta))
    high = 1.0 / (1.0 + small)
    low = small * high
    slope = low * high
    return np.where(eta >= 0.0, high, low), slope, slope * np.copysign(high - low, -eta)


def _sigmoid_from_1(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    value, slope, bend = _sigmoid(eta)
    return 1.0 + value, slope, bend


def _soft(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    value, slope, _ = _sigmoid(eta)
    return np.logaddexp(0.0, np.maximum(eta, -EXP_LIMIT)), value, slope


def _named(links: Iterable[Link]) -> Mapping[str, Link]:
    return MappingProxyType({link.name: link for link in links})


REAL, POSITIVE = (-3.0, -0.4, 0.2, 1.7), (1e-3, 0.2, 1.0, 6.0)

LINKS = Registry(
    "bayesdeep.core.links",
    None,
    "link",
    "bayesdeep.core.records:Link",
    own=_named((
        Link("identity", np.asarray, lambda eta: eta, "real", formula="mu = eta", reach=2.509, example=REAL, on_arrays=_line),
        _unit(
            "logit",
            _log_odds,
            lambda eta: pt.sigmoid(eta),
            lambda eta: -pt.softplus(-eta),
            lambda eta: -pt.softplus(eta),
            "mu = 1 / (1 + exp(-eta))",
            0.394,
            _sigmoid,
        ),
        _unit(
            "probit",
            _normal_quantile,
            _normal_cdf,
            log_normal_cdf,
            lambda eta: log_normal_cdf(-eta),
            "mu = Phi(eta), the standard normal distribution function",
            0.482,
        ),
        _unit(
            "cloglog",
            lambda mu: np.log(-np.log1p(-np.asarray(mu))),
            lambda eta: -pt.expm1(_minus_exp(eta)),
            _complementary_log_log,
            _minus_exp,
            "mu = 1 - exp(-exp(eta))",
            0.453,
        ),
        _unit(
            "loglog",
            lambda mu: -np.log(-np.log(mu)),
            lambda eta: pt.exp(_minus_exp(-eta)),
            lambda eta: _minus_exp(-eta),
            lambda eta: _complementary_log_log(-eta),
            "mu = exp(-exp(-eta))",
            0.453,
        ),
        _unit(
            "cauchit",
            # -1 / tan(π mu) is tan(π (mu - 1/2)) without the cancellation near 0.
            lambda mu: -1.0 / np.tan(np.pi * np.asarray(mu)),
            _cauchy_cdf,
            lambda eta: pt.log(_cauchy_cdf(eta)),
            lambda eta: pt.log(_cauchy_cdf(-eta)),
            "mu = 1/2 + atan(eta) / pi",
            0.369,
        ),
        Link(
            "log",
            np.log,
            _exp,
            "positive",
            formula="mu = exp(eta)",
            reach=67.87,
            example=POSITIVE,
            on_arrays=_exponential,
        ),
        Link("sqrt", np.sqrt, lambda eta: eta * eta, "nonnegative", formula="mu = eta^2", reach=7.097, example=POSITIVE),
        Link(
            "inverse",
            lambda mu: 1.0 / np.asarray(mu),
            lambda eta: 1.0 / eta,
            "real",
            formula="mu = 1 / eta",
            pole="at 0",
            example=REAL,
        ),
        Link(
            "inverse_squared",
            lambda mu: 1.0 / np.square(mu),
            lambda eta: 1.0 / pt.sqrt(eta),
            "positive",
            formula="mu = 1 / sqrt(eta)",
            pole="at 0 and below",
            example=POSITIVE,
        ),
        Link(
            "softplus",
            _softplus_forward,
            _softplus,
            "positive",
            formula="mu = log(1 + exp(eta))",
            reach=1.369,
            example=POSITIVE,
            on_arrays=_soft,
        ),
        Link(
            "tanh",
            np.arctanh,
            lambda eta: pt.tanh(eta),
            "signed_unit",
            formula="mu = tanh(eta)",
            reach=1.0,
            example=(-0.9, -0.2, 0.5),
        ),
        Link(
            "tan_half",
            lambda mu: np.tan(0.5 * np.asarray(mu)),
            lambda eta: 2.0 * pt.arctan(eta),
            "angle",
            formula="mu = 2 atan(eta)",
            reach=2.322,
            example=(-3.1, -0.4, 0.2, 1.7),
        ),
        Link(
            "logit_from_1",
            lambda mu: _log_odds(np.asarray(mu) - 1.0),
            lambda eta: 1.0 + pt.sigmoid(eta),
            "one_to_two",
            formula="mu = 1 + 1 / (1 + exp(-eta))",
            reach=0.394,
            example=(1.001, 1.2, 1.5, 1.93),
            on_arrays=_sigmoid_from_1,
        ),
        Link(
            "relu",
            np.asarray,
            lambda eta: pt.maximum(eta, 0.0),
            "nonnegative",
            formula="mu = max(eta, 0)",
            reach=1.465,
            example=POSITIVE,
        ),
        Link(
            "softmax",
            np.log,
            lambda eta: pt.special.softmax(eta, axis=-1),
            "simplex",
            formula="mu_k = exp(eta_k) / sum_j exp(eta_j)",
            reach=0.5,
            example=(0.2, 0.5, 0.3),
        ),
    )),
)
"""Every link by name."""


def _gelu(eta: Any) -> Any:
    return eta * _normal_cdf(eta)


def _silu(eta: Any) -> Any:
    return eta * pt.sigmoid(eta)


@dataclass(frozen=True)
class Activation:
    """What a layer does to its linear predictors, and how widely its units then vary: see :attr:`~.records.Link.reach`.

    ``shared`` where all units of a layer share that reach, as probabilities that sum to 1 do.
    """

    function: Callable[[Any], Any]
    reach: float
    shared: bool = False


CURVES: Mapping[str, Activation] = MappingProxyType({"gelu": Activation(_gelu, 1.495), "silu": Activation(_silu, 1.48)})
"""Activations that are no inverse links, since they fall before they rise (Hendrycks and Gimpel 2016, arXiv:1606.08415)."""

ALIASES: Mapping[str, str] = MappingProxyType({"sigmoid": "logit"})
"""Names under which networks know an inverse link."""


def activation_of(name: Any, where: str, error: type[BayesdeepError]) -> Activation:
    """Return the activation of a name: one of :data:`CURVES`, or the inverse of a link that has a reach."""
    if isinstance(name, str) and name in CURVES:
        return CURVES[name]
    known = ALIASES.get(name, name) if isinstance(name, str) else name
    if not isinstance(known, str) or known not in LINKS:
        raise error(f"{where}: unknown activation '{name}'{nearest(str(name), (*LINKS, *ALIASES, *CURVES))}")
    link: Link = LINKS[known]
    if link.pole:
        raise error(
            f"{where}: activation='{name}' is not defined {link.pole}, where linear predictors of a layer will be; "
            'take one that is defined everywhere, such as "tanh"'
        )
    if link.reach is None:
        raise error(
            f"{where}: the inverse of the link '{name}' is no activation, since it has no reach (units with it would vary "
            f"without bound){nearest('', sorted(n for n in LINKS if LINKS[n].reach is not None))}"
        )
    return Activation(link.inverse, link.reach, link.maps_to == "simplex")


def find_activation(name: Any, where: str, error: type[BayesdeepError]) -> Callable[[Any], Any]:
    """Return what a layer does to its linear predictors; see :func:`activation_of`."""
    return activation_of(name, where, error).function


def find_link(name: str, where: str, error: type[BayesdeepError]) -> Link:
    """Return the link of a name or alias, or raise ``error`` with the nearest name; ``where`` begins its text."""
    known = ALIASES.get(name, name) if isinstance(name, str) else name
    if not isinstance(known, str) or known not in LINKS:
        raise error(f"{where}: unknown link '{name}'{nearest(str(name), (*LINKS, *ALIASES))}")
    found: Link = LINKS[known]
    return found

"""What families of ordered levels have in common: thresholds, ``disc``, and the distances of thresholds from the predictor."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Default, Link, Parameter, Response

from ._custom import custom
from ._scale import scale_unit

LATENT_SD = {
    "logit": np.pi / np.sqrt(3),
    "probit": 1.0,
    "cloglog": np.pi / np.sqrt(6),
    "loglog": np.pi / np.sqrt(6),
    "cauchit": 1.0,
}
"""Standard deviation of the latent variable's distribution; the Cauchy distribution has its scale."""

DISC = Parameter("disc", ("log",), "positive", elsewhere={"sigma": "1 / disc"}, fixed=1.0)
"""By what distances of thresholds from the predictor are multiplied: the latent variable's scale is ``1 / disc``."""


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return 0, since the thresholds take the intercept's place, and the link's own spread."""
    del response
    return 0.0, scale_unit(link)[1]


def threshold(response: Response, link: Link) -> Default:
    """Return the prior of the thresholds, from the standard deviation of the latent variable."""
    del response
    text = f"StudentT(3, 0, {2.5 * LATENT_SD[link.name]:.4g})"
    return Default(text, f"2.5 standard deviations of the latent variable of the {link.name} link, heavy tails")


def thresholds(support: str) -> Parameter:
    """Return the thresholds: ``"ordered"``, or ``"real"`` where they need not increase."""
    return Parameter("threshold", (), support, threshold, shape="cut")


def distances(params: Mapping[str, Any]) -> Any:
    """Return ``disc (threshold - eta)`` ``(…, level - 1)``, without the factor where the model has none."""
    return distance(params["mu"], params["threshold"], *_disc(params))


def distance(eta: Any, threshold: Any, disc: Any = None) -> Any:
    """Return the distances of all thresholds."""
    found = threshold - pt.as_tensor(eta)[..., None]
    return found if disc is None else pt.as_tensor(disc)[..., None] * found


def _disc(params: Mapping[str, Any]) -> list[Any]:
    return [params["disc"]] if "disc" in params else []


def levels_rv(
    name: str,
    params: Mapping[str, Any],
    log_probability: Callable[[Any, Any], Any],
    probabilities: Callable[[Any], Any],
) -> Any:
    """Return a level's distribution from functions of the thresholds' distances ``(…, level - 1)``.

    Parameters
    ----------
    name
        Its name in pictures of the model.
    params
        By name.
    log_probability
        ``log_probability(value, distances)``.
    probabilities
        ``probabilities(distances) -> (…, level)``.
    """

    def logp(value: Any, *given: Any) -> Any:
        return log_probability(value, distance(*given))

    def draw(*given: Any) -> Any:
        # The first level whose cumulative probability a uniform number does not exceed.
        *own, size = given
        below = pt.cumsum(probabilities(distance(*own)), axis=-1)[..., :-1]
        uniform = pm.Uniform.dist(pt.zeros_like(below[..., 0]), 1.0, size=size)
        return pt.gt(uniform[..., None], below).sum(axis=-1)

    given = [params["mu"], params["threshold"], *_disc(params)]
    return custom(name, logp, draw, *given, signature="(),(c)->()" if len(given) == 2 else "(),(c),()->()")

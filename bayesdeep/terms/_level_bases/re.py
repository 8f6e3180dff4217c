r"""Independent effects of levels, ``s(g, bs="re")``, and of levels on a number's coefficient, ``s(x, g, bs="re")``.

.. math:: f(g) = u_g, \qquad f(x, g) = u_g x, \qquad u_g \sim \text{Normal}(0, \sigma^2) :

the models of ``(1 | g)`` and ``(0 + x | g)``, with the same default prior, written as a smooth with a ridge for a penalty.
Several numbers are multiplied, several categories joined: ``(0 + x:z | g:h)``. Beyond the rows nothing changes: it is a straight
line in each number.

Wood (2017), Generalized Additive Models: An Introduction with R, 2nd edition, section 5.8.
"""

import numpy as np

from bayesdeep.core.columns import Json

from .._smooth_basis import LevelBasis, LevelPart


def learn(x: np.ndarray, names: tuple[str, ...], k: int, knots: tuple[float, ...], where: str) -> Json:
    """Return what is multiplied, and the standard deviation of the product."""
    del k, knots, where
    return {"names": list(names), "sd": float(columns({}, x).std()) or 1.0 if names else 1.0}


def columns(state: Json, x: np.ndarray) -> np.ndarray:
    """Return the product of the numbers ``(obs, 1)``; without numbers no column."""
    del state
    return x.prod(axis=1, keepdims=True)[:, : x.shape[1]]


def constant(state: Json) -> bool:
    """Return whether the effects are those of the levels alone."""
    return not state["names"]


def parts(state: Json) -> tuple[LevelPart, ...]:
    """Return one coefficient a level."""
    reason = "one spread of the predictor" + (" per sd of the column" if state["names"] and state["sd"] != 1.0 else "")
    times = " · ".join(f"{name}ᵢ" for name in state["names"])
    return (LevelPart("", 1, None, state["sd"], 1.0, reason, (times,) if times else ()),)


BASIS = LevelBasis("re", "independent effects", (), (0, 5), constant, learn, columns, parts)

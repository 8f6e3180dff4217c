r"""A curve for each level, all as smooth as one another, ``s(x, g, bs="fs")``.

.. math:: f_g(x) = a_g + b_g (x - \bar x) + \sum_j c_{gj} Z_j(x), \qquad
    a_g \sim \text{Normal}(0, \sigma_a^2), \; b_g \sim \text{Normal}(0, \sigma_b^2), \; c_{gj} \sim \text{Normal}(0, \sigma^2)

with the thin plate functions :math:`Z_j` of ``s(x)``, orthogonal over all rows to constants and straight lines, with which
:math:`\sigma` is the standard deviation over the rows of a level's departure from its straight line. What the roughness does not
see, constant and slope, has a standard deviation each, so that nothing is left unpenalised and a level with few rows leans on
the others. Curves are not 0 on average: ``s(x) + s(x, g, bs="fs")`` is a curve for all and each level's departure from it. A new
level's curve is drawn from the same law. Beyond the rows each curve goes on straight; of two variables it bends ever more
slowly.

Wood (2017), Generalized Additive Models: An Introduction with R, 2nd edition, section 5.6.3 and smooth.construct.fs of mgcv.
Pedersen, Miller, Simpson and Ross (2019), Hierarchical generalized additive models in ecology, PeerJ 7, e6876,
doi:10.7717/peerj.6876.
"""

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.priors import PRIOR_SCALE_IN_SPREADS

from .._smooth_bases import BASES, USUAL
from .._smooth_basis import LevelBasis, LevelPart
from .._smooth_split import penalised, split
from .._smooth_unit import unit


def learn(x: np.ndarray, names: tuple[str, ...], k: int, knots: tuple[float, ...], where: str) -> Json:
    """Return the basis that all levels have, and what its straight lines are."""
    centre, scale = unit(names, x, where)
    different, named = len(np.unique(x, axis=0)), ", ".join(names)
    if k > different and not knots:
        raise FormulaError(
            f"{where}: k={k} basis functions are more than the {different} different values of '{named}'; "
            f"take k={different} or fewer"
        )
    at = (np.asarray(knots)[:, None] - centre) / scale if knots else None
    found = split(BASES[USUAL], (x - centre) / scale, k, at, [np.ones(len(x))])
    if found is None:
        raise FormulaError(f"{where}: values or knots lie too close together for k={k}; take a smaller k or other knots")
    return {"names": list(names), "centre": centre.tolist(), "scale": scale.tolist(), "sd": x.std(axis=0).tolist(), **found}


def columns(state: Json, x: np.ndarray) -> np.ndarray:
    """Return straight lines through the rows' middle and the departures from them ``(obs, column)``."""
    line = x - np.asarray(state["centre"])
    (departures,) = penalised(BASES[USUAL], state, line / np.asarray(state["scale"]))
    return np.concatenate([line, departures], axis=1)


def constant(state: Json) -> bool:
    """Each level has one."""
    del state
    return True


def parts(state: Json) -> tuple[LevelPart, ...]:
    """Return constant, slopes, and the coefficients of the departure."""
    names, size = tuple(state["names"]), len(state["parts"][0]["turn"][0])
    lines = tuple(
        f"({name}ᵢ {'-' if middle >= 0 else '+'} {abs(middle):.6g})"
        for name, middle in zip(names, state["centre"], strict=True)
    )
    one = "one spread of the predictor"
    why = f"{PRIOR_SCALE_IN_SPREADS} spreads of the predictor: a curve's departure from its line"
    return (
        LevelPart("_constant", 1, None, 1.0, 1.0, one, ()),
        LevelPart(
            "_linear", len(names), names if len(names) > 1 else None, max(state["sd"]), 1.0, f"{one} per sd of the column", lines
        ),
        LevelPart(
            "", size, tuple(str(j) for j in range(1, size + 1)), 1.0, PRIOR_SCALE_IN_SPREADS, why,
            (f"Z[b]({', '.join(names)})ᵢ",), True,
        ),
    )  # fmt: skip


BASIS = LevelBasis("fs", "a curve for each level, one smoothness", ("k", "knots"), (1, 2), constant, learn, columns, parts)

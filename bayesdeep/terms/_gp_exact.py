r"""``gp(x, exact=True)``: the process itself, by its covariance at the places that the rows have.

.. math:: f \sim N(0, \sigma^2 R), \qquad R_{jk} = k(\lVert x_j - x_k \rVert / \ell),

a dense matrix whose factorisation takes the cube of the number of places for each value of the length scale: for hundreds of
places. There is no box. Values at other places are drawn given those at the rows' places, all of one prediction together
(:mod:`bayesdeep.numerics.processes`).

Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, MIT Press, section 2.2.
"""

from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.effects import Effect, Piece, Places, Process
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.quantities import BASIS

from ._gp_box import length_range
from ._gp_covariances import COVARIANCES, correlations_of
from ._gp_lengths import lengths_between
from ._gp_options import Process as Asked

MOST_PLACES = 400
"""Different places of all levels together: a posterior takes thousands of factorisations."""
SHARE = 0.5
"""Of the prior's length scales, those below a likely one."""


def learn_places(asked: Asked, x: np.ndarray, times: list[np.ndarray], apart: bool, where: str) -> Json:
    """Return the places of each part, what is taken off the values there, and the prior's length scales, as JSON.

    Parameters
    ----------
    x
        ``(obs, variable)``.
    times
        What each part is multiplied by ``(obs,)``.
    apart
        Whether the process counts from its average.
    """
    places, less = [], []
    for own in times:
        there = own != 0
        found, which = np.unique(x[there] + 0.0, axis=0, return_inverse=True)
        weights = np.bincount(which.ravel(), own[there] ** 2, len(found))
        places.append(found.tolist())
        less.append((weights / weights.sum() if apart else np.zeros(len(found))).tolist())
    count = sum(len(own) for own in places)
    if count > MOST_PLACES:
        raise FormulaError(
            f"{where}: {count:,} different values make a covariance matrix of as many rows, factorised anew for every value of "
            f"the length scale, which is done for {MOST_PLACES} at most; leave exact=True out: the Hilbert-space basis takes any "
            "number of rows; or round the values"
        )
    largest, begin, reason = length_range(x)
    lengths = lengths_between(begin, largest, SHARE)
    return {
        "places": places,
        "less": less,
        "halves": (np.ptp(x, axis=0) / 2.0).tolist(),
        "usual": lengths.usual,
        "prior": [lengths.alpha, lengths.beta],
        "quantiles": [lengths.low, lengths.high],
        "smallest": reason,
    }


def place_arrays(state: Json, x: np.ndarray, times: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Return each part's place of each row ``(obs,)``, the rows' coordinates, and what the value there is multiplied by."""
    found: dict[str, np.ndarray] = {"where": x}
    for number, (known, own) in enumerate(zip(state["places"], times, strict=True)):
        there = own != 0
        codes = np.zeros(len(x), dtype=np.int64)  # of a row that has no part in it any place will do
        codes[there] = _codes(known, x[there])
        found[f"at{number}"] = codes
        if state["by"] is not None:
            found[f"times{number}"] = own[:, None]
    return found


def _codes(known: list[list[float]], x: np.ndarray) -> np.ndarray:
    """Return each row's place ``(obs,)``; those that are not known count on."""
    numbers = {tuple(place): k for k, place in enumerate(known)}
    different, which = np.unique(x + 0.0, axis=0, return_inverse=True)
    own = [numbers.setdefault(tuple(place), len(numbers)) for place in different.tolist()]
    return np.array(own, dtype=np.int64)[which.ravel()]


def place_effects(state: Json, names: list[str]) -> tuple[Effect, ...]:
    """Return the process of each part, by its values at the places of the training rows."""
    found, covariance = [], state["covariance"]
    text = f"{{0}}² R[j, k], R the correlations of a {COVARIANCES[covariance].of} covariance of length scale {{1}}"
    for number, name in enumerate(names):
        places = np.asarray(state["places"][number], dtype=np.float64)
        by = None if state["by"] is None else f"times{number}"
        rows = Places(len(places), f"at{number}", "where", by)
        law = Process(
            f"{name}_sigma", (f"{name}_lengthscale",), correlations_of(covariance), places, np.asarray(state["less"][number]),
            (state["usual"],), text,
        )
        piece = Piece(name, 0, len(places), f"{name}_place", _labels(places), f"{name}_sigma", name)
        found.append(Effect(rows, law, (piece,), BASIS))
    return tuple(found)


def _labels(places: np.ndarray) -> tuple[Any, ...]:
    """Return the value at each place, of several columns as text."""
    if places.shape[1] == 1:
        return tuple(places[:, 0].tolist())
    return tuple(", ".join(f"{value:.10g}" for value in place) for place in places.tolist())

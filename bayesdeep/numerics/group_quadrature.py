r"""Integrals over the coefficients of many small groups at once, by trapezoids about each group's mode.

.. math:: I = \int \prod_j p(y_j \mid \eta_j + c_j^\top v)\, N(v; 0, 1)\, dv

for a batch of values of everything else. The trapezoidal rule on the whole line is exact up to :math:`2 \exp(-2 \pi^2 / h^2)`
of a normal integrand with nodes ``h`` standard deviations apart (Trefethen and Weideman 2014, SIAM Review 56(3), 385-458,
doi:10.1137/130932132): as good as Gauss and Hermite's of as many nodes, and its nodes can be laid farther out where the integrand
is no normal.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

Rows = Callable[[np.ndarray], np.ndarray]
"""Log likelihoods ``(row, batch)`` at predictors ``(row, batch)``."""
Derived = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]
"""The same with first and second derivatives."""

LOG_ROOT = 0.5 * float(np.log(2.0 * np.pi))
NODES = {0: (0.85, 8), 1: (0.75, 10), 2: (1.2, 5)}
"""By the number of coefficients: how many sds nodes are apart, and how many there are on either side of the mode; 0 is of one
that is integrated out within."""
MOST_STEPS = 60
NEAR = 1e-3
"""Newton steps end when none is longer than this, in sds of the prior: nodes need not be exactly about the mode."""
ABOUT = 0.05
"""The same, in sds of the integrand, of a coefficient that is integrated out within."""
LONGEST = 3.0
"""Longest step of a row's predictor: beyond, a Poisson mean is another one altogether."""
HALVINGS = 12
FARTHEST = 8.0
"""Sds of the prior that are looked through where a likelihood may have several modes."""
EDGE = float(np.log(1e-5))
"""How far below its mode an integrand has to be, in logs, where nodes end."""
CLOSE = 2e-3
"""How near the logs of sums of all nodes and of every second one have to be: of a smooth integrand the former is then right to
about the square of that, of one with a kink to a quarter of it."""
ROUGH = 2e-2
"""The same where nodes are not added."""
MOST_NODES = 1_000
TOO_CURVED = "the likelihood of a row curves more than numbers can say beside a normal coefficient"


class NotConcaveError(ValueError):
    """A likelihood is not log-concave, and too narrow to look for its mass everywhere."""


@dataclass(frozen=True, eq=False)
class Integrals:
    """Log integrals ``(task, batch)``, and where they are.

    Attributes
    ----------
    value
        The logs.
    mode
        ``(task, batch, width)``.
    root
        ``(task, batch, width, width)``: a root of the inverse of the negative second derivatives at the mode.
    """

    value: np.ndarray
    mode: np.ndarray
    root: np.ndarray


def group_integrals(
    rows: Rows, derived: Derived, eta: np.ndarray, loads: np.ndarray, starts: np.ndarray, first: np.ndarray
) -> Integrals:
    """Return the log integral of each task.

    Parameters
    ----------
    rows, derived
        The rows' log likelihoods, elementwise.
    eta
        Predictors without the coefficients ``(row, batch)``; rows of a task stand together.
    loads
        What a coefficient adds to a row's predictor ``(row, batch, width)``.
    starts
        First row of each task ``(task,)``.
    first
        Where the mode is first looked for ``(task, batch, width)``.

    Raises
    ------
    NotConcaveError
        Where the mass need not be about one mode: of several coefficients, or where it is too narrow to be looked for.
    """
    mode, curvature, concave = _modes(derived, eta, loads, starts, first)
    root = _inverse_root(curvature)
    if mode.shape[2] == 1:
        value = _line(rows, eta, loads, starts, mode, root[..., 0, 0], concave)
        return Integrals(value, mode, root)
    if not concave.all():
        raise NotConcaveError("the likelihood of a row is not log-concave in its predictor")
    apart, side = NODES[2]
    one = apart * np.arange(-side, side + 1.0)
    nodes = np.stack(np.meshgrid(one, one), -1).reshape(-1, 2)
    area = np.log(np.abs(np.linalg.det(root))) + 2.0 * np.log(apart)
    # Nodes between the nodes tell whether these are near enough.
    sums = [
        logsumexp([log_joint(rows, eta, loads, starts, mode + root @ node) for node in some], axis=0) + area
        for some in (nodes, nodes + 0.5 * apart)
    ]
    if np.abs(sums[0] - sums[1]).max() > ROUGH:
        raise NotConcaveError("the likelihood of a group is too far from that of normal coefficients")
    return Integrals(np.logaddexp(*sums) - np.log(2.0), mode, root)


class MarginalRows:
    """Rows' log likelihoods with a standard normal coefficient of each integrated out.

    Parameters
    ----------
    rows, derived
        The rows' log likelihoods given the coefficient.
    loads
        What it adds to the predictor ``(row, batch)``.
    """

    def __init__(self, rows: Rows, derived: Derived, loads: np.ndarray) -> None:
        self._rows, self._derived, self._loads = rows, derived, loads
        self._mode = np.zeros((*loads.shape, 1))

    def value(self, eta: np.ndarray) -> np.ndarray:
        """Return the logs at predictors without the coefficient, both ``(row, batch)``.

        Raises
        ------
        NotConcaveError
            Where the mass need not be about one mode.
        """
        mode, sd = self._about(eta)
        return self._total([self._rows(eta + self._loads * v) - 0.5 * v**2 for v in self._places(mode, sd)], sd)[1]

    def derivatives(self, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the same with two derivatives by the predictor."""
        mode, sd = self._about(eta)
        found = [(self._derived(eta + self._loads * v), v) for v in self._places(mode, sd)]
        share, total = self._total([one[0] - 0.5 * v**2 for one, v in found], sd)
        mean = sum(w * one[1] for w, (one, _) in zip(share, found, strict=True))
        bend = sum(w * (one[2] + one[1] ** 2) for w, (one, _) in zip(share, found, strict=True)) - mean**2
        return total, mean, np.minimum(bend, 0.0)

    def _about(self, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # Predictors of one call are near those of the one before, and so are the modes.
        starts = np.arange(len(eta))
        mode, curvature, concave = _modes(self._derived, eta, self._loads[..., None], starts, self._mode, ABOUT)
        if not concave.all():
            raise NotConcaveError("the likelihood of a row is not log-concave in its predictor")
        self._mode = mode
        return mode[..., 0], 1.0 / np.sqrt(curvature[..., 0, 0])

    def _places(self, mode: np.ndarray, sd: np.ndarray) -> list[np.ndarray]:
        apart, side = NODES[0]
        return [mode + k * apart * sd for k in range(-side, side + 1)]

    def _total(self, logs: list[np.ndarray], sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return each node's share, and the log integral."""
        value = np.array(logs)
        top = value.max(axis=0)
        np.exp(value - top, out=value)
        total = value.sum(axis=0)
        if np.abs(np.log(2.0 * value[::2].sum(axis=0) / total)).max() > ROUGH:
            raise NotConcaveError("the likelihood of a row is too far from that of a normal coefficient")
        return value / total, top + np.log(total * (NODES[0][0] * sd)) - LOG_ROOT


def log_joint(rows: Rows, eta: np.ndarray, loads: np.ndarray, starts: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return the log of the integrand ``(task, batch)`` at coefficients ``(task, batch, width)``."""
    value = _sums(rows(_moved(eta, loads, starts, place)), starts)
    return value - 0.5 * (place**2).sum(axis=2) - place.shape[2] * LOG_ROOT


def _line(
    rows: Rows, eta: np.ndarray, loads: np.ndarray, starts: np.ndarray, mode: np.ndarray, sd: np.ndarray, concave: np.ndarray
) -> np.ndarray:
    """Return log integrals over one coefficient, with nodes as near and as far as they turn out to be needed.

    Of tasks that are not ``concave`` ``(task,)`` they go through all that the prior allows.
    """

    def at(place: np.ndarray) -> np.ndarray:
        return log_joint(rows, eta, loads, starts, place[..., None])

    apart, side = NODES[1]
    low, high, count = mode[..., 0] - apart * side * sd, mode[..., 0] + apart * side * sd, 2 * side
    heavy = np.broadcast_to(~concave[:, None], low.shape).copy()
    if concave.any():
        top = at(mode[..., 0])
        heavy |= np.maximum(at(low), at(high)) - top > EDGE
    if heavy.any():
        low = np.where(heavy, np.minimum(low, -FARTHEST), low)
        high = np.where(heavy, np.maximum(high, FARTHEST), high)
        wanted = ((high - low) / (2 * apart * sd))[heavy].max()
        if wanted > MOST_NODES:
            raise NotConcaveError("the likelihood of a row is not log-concave in its predictor, and narrow")
        count = 2 * int(np.ceil(wanted))
    step, total = (high - low) / (count // 2), np.full(low.shape, -np.inf)
    for k in range(count // 2 + 1):
        total = np.logaddexp(total, at(low + k * step))
    coarse, nodes = total + np.log(step), count // 2
    while nodes <= MOST_NODES:
        for k in range(nodes):
            total = np.logaddexp(total, at(low + (k + 0.5) * step))
        step, nodes = 0.5 * step, 2 * nodes
        fine = total + np.log(step)
        if np.abs(fine - coarse).max() < CLOSE:
            return fine
        coarse = fine
    raise NotConcaveError("the likelihood of a row is not log-concave in its predictor, and narrow")


def _modes(
    derived: Derived, eta: np.ndarray, loads: np.ndarray, starts: np.ndarray, first: np.ndarray, about: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return modes ``(task, batch, width)``, negative second derivatives there, and whether all of a task's that were seen were
    those of a concave function ``(task,)``.
    """
    place, concave = first, np.full(len(starts), fill_value=True)
    value, slope, curvature, seen = _derivatives(derived, eta, loads, starts, place)
    for _ in range(MOST_STEPS):
        concave = concave & seen
        step = _solved(curvature, slope)
        # As far as a row's predictor moves at most, in the longest of the steps.
        moved = np.maximum.reduceat(np.abs((_by_row(step, starts, len(eta)) * loads).sum(axis=2)), starts, axis=0)
        step = step * np.minimum(1.0, LONGEST / np.maximum(moved, 1e-300))[..., None]
        if np.abs(step).max() < NEAR or (about and (step**2 * curvature[..., 0]).max() < about**2):
            return place, curvature, concave
        for _ in range(HALVINGS):
            after = _derivatives(derived, eta, loads, starts, place + step)
            worse = ~(after[0] >= value - 1e-9 * (1.0 + np.abs(value)))
            if not worse.any():
                break
            step = np.where(worse[..., None], 0.5 * step, step)
        else:
            step = np.where(worse[..., None], 0.0, step)
            after = _derivatives(derived, eta, loads, starts, place + step)
        place, (value, slope, curvature, seen) = place + step, after
    return place, curvature, concave & seen


def _derivatives(
    derived: Derived, eta: np.ndarray, loads: np.ndarray, starts: np.ndarray, place: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the log integrand, its slope, and a positive definite matrix in the place of its negative second derivatives.

    The last says of which tasks ``(task,)`` that is what they are.
    """
    value, slope, second = derived(_moved(eta, loads, starts, place))
    bend = np.maximum(-second, 0.0)
    concave = np.logical_and.reduceat((second <= 1e-9 * (1.0 + np.abs(value))).all(axis=1), starts)
    gradient = _sums(slope[..., None] * loads, starts) - place
    outer = loads[..., :, None] * loads[..., None, :]
    curvature = _sums(bend[..., None, None] * outer, starts) + np.eye(place.shape[2])
    return _sums(value, starts) - 0.5 * (place**2).sum(axis=2), gradient, curvature, concave


def _moved(eta: np.ndarray, loads: np.ndarray, starts: np.ndarray, place: np.ndarray) -> np.ndarray:
    by_row = _by_row(place, starts, len(eta))
    return eta + (loads[..., 0] * by_row[..., 0] if place.shape[2] == 1 else (loads * by_row).sum(axis=2))


def _by_row(value: np.ndarray, starts: np.ndarray, rows: int) -> np.ndarray:
    """Return what tasks have ``(task, …)`` for each of their rows."""
    return value if len(starts) == rows else np.repeat(value, np.diff(np.append(starts, rows)), axis=0)


def _sums(value: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return sums over the rows of each task."""
    return value if len(starts) == len(value) else np.add.reduceat(value, starts, axis=0)


def _solved(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    if vector.shape[-1] == 1:
        return vector / matrix[..., 0]
    try:
        return np.linalg.solve(matrix, vector[..., None])[..., 0]
    except np.linalg.LinAlgError as error:  # rows whose curvature is so large that what the prior adds is rounded off
        raise NotConcaveError(TOO_CURVED) from error


def _inverse_root(matrix: np.ndarray) -> np.ndarray:
    """Return roots of the inverses of positive definite matrices ``(…, width, width)``."""
    if matrix.shape[-1] == 1:
        return 1.0 / np.sqrt(matrix)
    try:
        return np.linalg.inv(np.linalg.cholesky(matrix)).swapaxes(-1, -2)
    except np.linalg.LinAlgError as error:
        raise NotConcaveError(TOO_CURVED) from error

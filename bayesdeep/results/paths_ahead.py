r"""Responses several steps after the last one that is known, where each leans on those before: drawn one after another.

With :math:`r_t = y_t - \eta_t` and innovations :math:`e_t`, :math:`r_t = \sum_k \phi_k r_{t-k} + e_t`. A row's own graph has the
part of the sum whose rows are known. What is left over at the others, which are predicted as well (:attr:`.rows.Rows.ahead`), is
put on top here, draw by draw, so that the rows of a series are drawn together. Given the parameters

.. math:: \operatorname{Var}(y_{T+h}) = \sum_{j=0}^{h-1} \psi_j^2 \operatorname{Var}(e_{T+h-j}), \qquad \psi_0 = 1, \quad
    \psi_j = \sum_{k=1}^{\min(p, j)} \phi_k \psi_{j-k}.

Box and Jenkins (1970), Time Series Analysis, chapter 5.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bayesdeep.graph.evaluate import function_of
from bayesdeep.spec.model_spec import ModelSpec

from .graph_cache import evaluation_graph
from .rows import Rows, containers


@dataclass(frozen=True, eq=False)
class Paths:
    """Rows that lean on rows that are predicted, and these.

    Attributes
    ----------
    places
        Their positions among all rows that are asked for ``(row,)``, each after those that it leans on.
    rows
        These rows alone, in this order.
    before
        By row and lag the place of the row before in this order ``(row, lag)``, -1 where it is known or there is none.
    linear
        Their main predictor ``(draw, row)``.
    coefficients
        By how much what is left over goes on ``(draw, lag)``.
    """

    places: np.ndarray
    rows: Rows
    before: np.ndarray
    linear: np.ndarray
    coefficients: np.ndarray

    def carried(self, values: np.ndarray) -> np.ndarray:
        """Return responses, or their means, ``(draw * times, row)`` with what is left over at rows that are not known.

        ``values`` are those with what is left over at known rows alone; draws may come several ``times`` each in a row.
        """
        times = len(values) // len(self.linear)
        linear, phi = (np.repeat(own, times, axis=0) for own in (self.linear, self.coefficients))
        found = values.astype(np.float64)
        for i, lags in enumerate(self.before):
            for k in np.flatnonzero(lags >= 0):
                found[:, i] += phi[:, k] * (found[:, lags[k]] - linear[:, lags[k]])
        return found

    def variance(self, innovations: np.ndarray) -> np.ndarray:
        """Return the variance of a response given the parameters, from that of the innovations, both ``(draw, row)``."""
        found, psi = innovations.astype(np.float64), self._weights()
        for i in range(len(self.before)):
            at, j = self.before[i, 0], 1
            while at >= 0:
                found[:, i] += psi[:, j] ** 2 * innovations[:, at]
                at, j = self.before[at, 0], j + 1
        return found

    def _weights(self) -> np.ndarray:
        """Return what is left of an innovation so many steps later ``(draw, step)``."""
        draws, lags = self.coefficients.shape
        found = np.zeros((draws, len(self.before) + 1))
        found[:, 0] = 1.0
        for j in range(1, found.shape[1]):
            for k in range(min(lags, j)):
                found[:, j] += self.coefficients[:, k] * found[:, j - 1 - k]
        return found


def paths_of(spec: ModelSpec, rows: Rows, draws: Mapping[str, np.ndarray]) -> Paths | None:
    """Return the rows that lean on others that are asked for, with what it takes to draw them; None without such rows.

    ``draws`` are by name ``(draw, …)``, those of new groups among them.
    """
    if rows.ahead is None:
        return None
    places = _in_order(rows.ahead)
    order = np.full(rows.rows + 1, -1)  # The last entry is that of no row.
    order[places] = np.arange(len(places))
    some = rows.take(places)
    graph = evaluation_graph(spec, some)
    linear, *lags = function_of(graph, [graph.response.linear, *graph.response.lags])(draws, containers(some, 0, some.rows))
    count = len(next(iter(draws.values())))
    phi = np.stack([np.broadcast_to(own.reshape(-1), (count,)) for own in lags], axis=1)
    return Paths(places, some, order[rows.ahead[places]], np.broadcast_to(linear, (count, some.rows)), phi)


def _in_order(ahead: np.ndarray) -> np.ndarray:
    """Return the rows that lean on others, and these, each after those that it leans on."""
    depth: dict[int, int] = {}
    involved = np.unique(np.concatenate([np.flatnonzero((ahead >= 0).any(axis=1)), ahead[ahead >= 0]]))
    for row in involved.tolist():
        # One step before is always among them, or known: as many as there are before is how far ahead a row lies.
        at, steps = row, 0
        while ahead[at, 0] >= 0:
            at, steps = int(ahead[at, 0]), steps + 1
        depth[row] = steps
    return np.array(sorted(depth, key=depth.__getitem__), dtype=np.int64)


def put(paths: Paths, values: np.ndarray, start: int, stop: int, into: np.ndarray) -> np.ndarray:
    """Return a block ``(…, rows start to stop)`` with the paths' ``values`` ``(…, row)`` in the places of their rows."""
    own = (paths.places >= start) & (paths.places < stop)
    if not own.any():
        return into
    found = np.array(into)
    found[..., paths.places[own] - start] = values[..., own]
    return found

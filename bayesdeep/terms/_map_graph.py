r"""The graph of a map: its pieces, and the intrinsic law of neighbours that are alike, scaled.

For regions with :math:`w_{ij} > 0` where they are neighbours, the precision

.. math:: Q_{ij} = -w_{ij}, \qquad Q_{ii} = \sum_j w_{ij}, \qquad u' Q u = \sum_{i < j} w_{ij} (u_i - u_j)^2,

says nothing of the level of each connected piece, so that effects sum to 0 over each. How large they are otherwise depends on the
graph. Divided by the geometric mean of the variances that :math:`Q^-` gives the regions of a piece, a standard deviation means
the same for every map, and for every piece of one. A region without neighbours is a standard normal number of its own.

Besag, York and Mollié (1991), Bayesian image restoration, with two applications in spatial statistics, Annals of the Institute of
Statistical Mathematics 43, 1-20, doi:10.1007/BF00116466. Sørbye and Rue (2014), Scaling intrinsic Gaussian Markov random field
priors in spatial modelling, Spatial Statistics 8, 39-51, doi:10.1016/j.spasta.2013.06.004. Freni-Sterrantino, Ventrucci and Rue
(2018), A note on intrinsic conditional autoregressive models for disconnected graphs, Spatial and Spatio-temporal Epidemiology
26, 25-34, doi:10.1016/j.sste.2018.04.002.
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json

TOGETHER = 256
"""Regions whose covariances with all others are worked out at once."""


@dataclass(frozen=True, eq=False)
class MapGraph:
    """A map's graph.

    Attributes
    ----------
    size
        Number of regions.
    first, second, weight
        Pairs of neighbours, each once, and how near they are ``(pair,)``.
    """

    size: int
    first: np.ndarray
    second: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> "MapGraph":
        """Return the graph of an adjacency ``(region, region)``."""
        first, second = np.nonzero(np.triu(values))
        return cls(len(values), first, second, values[first, second])

    @cached_property
    def adjacency(self) -> Any:
        """Return the weights ``(region, region)``, a SciPy sparse matrix."""
        from scipy import sparse

        ends = np.concatenate([self.first, self.second]), np.concatenate([self.second, self.first])
        return sparse.csr_array((np.tile(self.weight, 2), ends), shape=(self.size, self.size))

    @cached_property
    def pieces(self) -> tuple[np.ndarray, ...]:
        """Return the regions of each connected piece, the largest first; those of one region are islands."""
        from scipy.sparse.csgraph import connected_components

        count, piece = connected_components(self.adjacency, directed=False)
        found = [np.flatnonzero(piece == k) for k in range(count)]
        return tuple(sorted(found, key=lambda own: (-len(own), own[0])))

    @property
    def joined(self) -> tuple[np.ndarray, ...]:
        """Return the pieces that are no islands."""
        return tuple(piece for piece in self.pieces if len(piece) > 1)

    def scaled(self, scales: list[float]) -> Any:
        """Return the scaled law's precision ``(region, region)``, a SciPy sparse matrix; an island's is 1."""
        from scipy import sparse

        by = np.ones(self.size)
        for piece, scale in zip(self.pieces, scales, strict=True):
            by[piece] = scale
        own = np.where(self.adjacency.sum(axis=1) > 0, self.adjacency.sum(axis=1), 1.0)
        return sparse.csr_array(sparse.diags_array(by) @ (sparse.diags_array(own) - self.adjacency))

    def _variances(self, piece: np.ndarray) -> np.ndarray:
        """Return the variances ``(region,)`` that the precision of a piece gives its regions where they sum to 0.

        With the first region's effect at 0 the precision of the others is sparse and has an inverse. Under it the variances are
        those about the mean.
        """
        from scipy import sparse
        from scipy.sparse.linalg import splu

        count, near = len(piece), self.adjacency[piece][:, piece]
        precision = sparse.csc_array(sparse.diags_array(near.sum(axis=1)) - near)[1:, 1:]
        factors = splu(sparse.csc_array(precision), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
        own, with_mean = np.zeros((2, count))
        for begin in range(0, count - 1, TOGETHER):
            stop = min(begin + TOGETHER, count - 1)
            columns = factors.solve(np.eye(count - 1, stop - begin, -begin))
            own[1 + begin : 1 + stop] = np.diagonal(columns[begin:stop])
            with_mean[1 + begin : 1 + stop] = columns.sum(axis=0) / count
        return np.asarray(own - 2.0 * with_mean + with_mean.mean())

    def precision_of(self, piece: np.ndarray) -> np.ndarray:
        """Return the precision of a piece's regions before it is scaled ``(region, region)``."""
        near = self.adjacency[piece][:, piece].toarray()
        return np.asarray(np.diag(near.sum(axis=1)) - near)

    def scales(self) -> list[float]:
        """Return what the variances are divided by, by piece: their geometric mean; 1 of an island."""
        found = []
        for piece in self.pieces:
            if len(piece) == 1:
                found.append(1.0)
                continue
            found.append(float(np.exp(np.log(self._variances(piece)).mean())))
        return found

    def to_json(self) -> Json:
        """Return it as JSON, every bit of it."""
        return {"size": self.size, "pairs": _text([self.first, self.second], "<i4"), "weights": _text([self.weight], "<f8")}

    @classmethod
    def read(cls, state: Json) -> "MapGraph":
        """Return what :meth:`to_json` wrote."""
        return _graph(state["size"], state["pairs"], state["weights"])


def spectrum(state: Json, scales: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the scaled law's independent directions ``(region, direction)``, and their variances ``(direction,)``.

    There are as many as regions; the levels of pieces, which have none, are the last and have the variance 0.
    """
    return _spectrum(state["size"], state["pairs"], state["weights"], tuple(scales))


@lru_cache(maxsize=8)
def _graph(size: int, pairs: str, weights: str) -> MapGraph:
    first, second = np.frombuffer(b64decode(pairs), "<i4").astype(np.int64).reshape(2, -1)
    return MapGraph(size, first, second, np.frombuffer(b64decode(weights), "<f8"))


@lru_cache(maxsize=8)
def _spectrum(size: int, pairs: str, weights: str, scales: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    graph = _graph(size, pairs, weights)
    directions, variances, at = np.zeros((size, size)), np.ones(size), 0
    level = size - len(graph.joined)
    for piece, scale in zip(graph.pieces, scales, strict=True):
        span = slice(at, at + max(len(piece) - 1, 1))
        at = span.stop
        if len(piece) == 1:
            directions[piece, span] = 1.0
            continue
        values, vectors = np.linalg.eigh(graph.precision_of(piece))
        # The first is the level: all others are above 0 in a piece that is connected.
        directions[piece, span], variances[span] = vectors[:, 1:], 1.0 / (scale * values[1:])
        directions[piece, level], variances[level] = len(piece) ** -0.5, 0.0
        level += 1
    for found in (directions, variances):
        found.setflags(write=False)
    return directions, variances


def _text(arrays: list[np.ndarray], kind: str) -> str:
    return b64encode(np.concatenate(arrays).astype(kind).tobytes()).decode("ascii")

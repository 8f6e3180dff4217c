r"""The marginal likelihood of a linear system in which coefficients lean on their neighbours, many values at once.

The precision of all coefficients, :math:`H = Z^\top Z / \sigma^2 + P`, is sparse, but a graph says nothing of the levels of its
pieces, and their sums are 0. To the number of one level of each piece its own is added once more, :math:`\Delta` in all, so
that :math:`H` has an inverse that rounding does not touch, whatever rows say of the level. What was added is taken off again
exactly. With :math:`B` the sums, :math:`E` the levels, and :math:`V` the covariance under :math:`Bu = 0` with :math:`\Delta`,

.. math:: V = H^{-1} - H^{-1} B^\top S^{-1} B H^{-1}, \quad S = B H^{-1} B^\top, \quad
    (V^{-1} - E \Delta E^\top)^{-1} = V + V E M^{-1} E^\top V, \quad M = \Delta^{-1} - E^\top V E,

so that a draw is one under :math:`V` and a number more for each piece. The determinant over the space of :math:`Bu = 0` is
:math:`|H| |S| |M| |\Delta| / |B B^\top|`.

References
----------
Rue and Held (2005), Gaussian Markov Random Fields, sections 2.3 and 3.2. Woodbury's identity for what is taken off.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from bayesdeep.core.linear import LinearSystem, Neighbours
from bayesdeep.numerics import sparse_factors
from bayesdeep.numerics.cores import machine_cores
from bayesdeep.numerics.sparse_factors import Factors, Pattern, pattern_of, place_of

from .block_layout import between
from .elimination import LOG_2PI
from .hyperparameters import LEAST_SCALE, Scales
from .leaning import Leaning, leaning_of
from .prior_precision import prior_entries, prior_places

LANES = 8
"""Values that are worked on at once: as many as fill vector instructions."""
SECONDS_A_PRODUCT, SECONDS_AN_ENTRY = 0.4e-9, 3e-9
"""Of one core, for a product of a factorisation and for an entry of a factor (measured in 2026)."""


@dataclass(frozen=True)
class ByNeighbours:
    """A linear system laid out for a sparse factorisation.

    Attributes
    ----------
    pattern
        Of the precision, its coefficients in the order in which they are eliminated.
    place
        Of each coefficient in that order ``(coefficient,)``; factors come first, then population columns.
    sums
        Products among coefficients ``(entry,)``.
    right
        Products of the coefficients with the response, in the order of elimination ``(coefficient,)``.
    leaning
        The coefficients that lean on neighbours.
    held
        What is held at 0, in the order of elimination: sums over pieces, then a level of each ``(2 piece, coefficient)``.
    added
        By piece what was added to its level, over the precision of what leans ``(piece,)``, and which of those that is.
    constant
        Half the log determinants of the graphs, and of the sums' products.
    """

    system: LinearSystem
    pattern: Pattern
    place: np.ndarray
    sums: np.ndarray
    right: np.ndarray
    leaning: tuple[Leaning, ...]
    held: np.ndarray
    added: tuple[np.ndarray, np.ndarray]
    constant: float

    @property
    def seconds(self) -> float:
        """Return about how long an evaluation takes on one core; from sizes, since a clock would make draws irreproducible."""
        entries = len(self.pattern.rows) + self.pattern.size
        return SECONDS_A_PRODUCT * self.pattern.products + SECONDS_AN_ENTRY * entries * (1 + len(self.held))

    @property
    def step(self) -> int:
        """Return how many values are worked on at once."""
        return LANES

    def log_likelihood(self, scales: Scales) -> np.ndarray:
        """Return the log marginal density of the response ``(batch,)``."""
        found = np.empty(scales.batch)

        def work(part: slice) -> None:
            found[part] = self._factored(scales.take(part)).value

        self._by_parts(scales.batch, work)
        return found

    def draw(self, scales: Scales, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Return the coefficients given hyperparameters: ``(batch, column)``, then ``(batch, level, width)`` each."""
        out = np.empty((scales.batch, self.pattern.size))
        parts = -(-scales.batch // LANES)
        own = dict(zip(range(0, scales.batch, LANES), rng.spawn(parts), strict=True))

        def work(part: slice) -> None:
            factored = self._factored(scales.take(part))
            out[part] = factored.drawn(self.pattern, own[part.start])[self.place].T

        self._by_parts(scales.batch, work)
        found, at = [], 0
        for factor in self.system.factors:
            stop = at + factor.levels * factor.width
            found.append(out[:, at:stop].reshape(scales.batch, factor.levels, factor.width))
            at = stop
        return out[:, at:], *found

    @staticmethod
    def _by_parts(batch: int, work: Callable[[slice], None]) -> None:
        parts, cores = [slice(i, min(i + LANES, batch)) for i in range(0, batch, LANES)], machine_cores()
        if len(parts) == 1 or cores == 1:
            for part in parts:
                work(part)
            return
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(work, parts))

    def _factored(self, scales: Scales) -> "_Factored":
        """Return the log marginal density at a few values, with what drawing the coefficients needs."""
        system, inverse = self.system, 1.0 / scales.sigma**2
        variances = [own.variance(scales) for own in self.leaning]
        leaning = [own.numbers[:, None] / variance for own, variance in zip(self.leaning, variances, strict=True)]
        prior = np.concatenate([prior_entries(system, scales), *leaning])
        with np.errstate(all="ignore"):
            factors = sparse_factors.factorise(
                self.pattern, self.sums[:, None] * inverse, prior, self.right[:, None] * inverse
            )
            held = _Held.of(self.pattern, factors, self.held, self.added[0][:, None] / np.array(variances)[self.added[1]])
        volume = self.constant - system.moments.rows * np.log(scales.sigma) - 0.5 * (factors.log_det + held.log_det)
        for lean, variance in zip(self.leaning, variances, strict=True):
            volume -= 0.5 * (len(lean.places) - len(lean.pieces)) * np.log(variance)
        for number, root in enumerate(scales.roots):
            factor = system.factors[number]
            alone = factor.width - (factor.neighbours is not None)
            for k in range(alone):
                own = np.log(np.maximum(np.asarray(root[k][k]), LEAST_SCALE))
                volume -= own.sum(axis=1) if own.ndim == 2 else factor.levels * own
        left = np.maximum(system.moments.gram[-1, -1] * inverse - held.explained, 0.0)
        value = volume - 0.5 * left
        return _Factored(np.where(np.isfinite(value), value, -np.inf), factors, held)


@dataclass(frozen=True)
class _Held:
    """Sums at 0, and what was added to levels taken off again, at some hyperparameters.

    Attributes
    ----------
    rows
        What is held ``(2 piece, coefficient)``: sums, then levels.
    white
        Of each, what it is of standard normal numbers ``(2 piece, coefficient, lane)``.
    gain
        ``B H^-1 B'`` inverted ``(lane, piece, piece)``.
    cross
        ``E H^-1 B'`` ``(lane, piece, piece)``.
    spare
        ``M`` inverted ``(lane, piece, piece)``.
    mean
        Of the levels, under ``V`` ``(lane, piece)``.
    explained
        The squares that the coefficients explain ``(lane,)``.
    log_det
        What the determinant has beside that of ``H`` ``(lane,)``, but for the sums' products.
    """

    rows: np.ndarray
    white: np.ndarray
    gain: np.ndarray
    cross: np.ndarray
    spare: np.ndarray
    mean: np.ndarray
    explained: np.ndarray
    log_det: np.ndarray

    @classmethod
    def of(cls, pattern: Pattern, factors: Factors, rows: np.ndarray, added: np.ndarray) -> "_Held":
        """Return it for factors of ``H``; ``added`` is what levels had added ``(piece, lane)``."""
        lanes, count = factors.ahead.shape[1], len(rows) // 2
        white = np.repeat(rows[:, :, None], lanes, axis=2)
        for own in white:
            sparse_factors.whiten(pattern, factors, own)
        seen = factors.ahead / factors.spread
        gram, means = np.einsum("kil,mil->lkm", white, white), np.einsum("kil,il->lk", white, seen)
        good = np.isfinite(gram).all(axis=(1, 2)) & np.isfinite(factors.log_det) & np.isfinite(added).all(axis=0)
        gram = np.where(good[:, None, None], gram, np.eye(2 * count))
        s, cross, t = gram[:, :count, :count], gram[:, count:, :count], gram[:, count:, count:]
        gain = np.linalg.inv(s)
        across = cross @ gain
        spare = np.where(good, 1.0 / added, 2.0).T[:, :, None] * np.eye(count) - (t - across @ cross.transpose(0, 2, 1))
        mean = means[:, count:] - np.einsum("lkm,lm->lk", across, means[:, :count])
        back = np.linalg.inv(spare)
        explained = (
            (seen**2).sum(axis=0)
            - np.einsum("lk,lkm,lm->l", means[:, :count], gain, means[:, :count])
            + np.einsum("lk,lkm,lm->l", mean, back, mean)
        )
        signs, logs = zip(*(np.linalg.slogdet(m) for m in (s, spare)), strict=True)
        log_det = logs[0] + logs[1] + np.log(added).sum(axis=0)
        log_det = np.where(good & (np.array(signs) > 0).all(axis=0), log_det, np.nan)
        return cls(rows, white, gain, cross, back, mean, explained, log_det)

    def projected(self, pattern: Pattern, factors: Factors, found: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return draws ``(coefficient, lane)`` of what is held, from those of ``H``."""
        count = len(self.rows) // 2
        bare = Factors(factors.lower, factors.spread, np.zeros_like(factors.ahead), factors.log_det)
        along = np.stack([sparse_factors.solved(pattern, bare, own) for own in self.white])
        sums, levels = along[:count], along[count:]
        by_sums = np.einsum("lkm,lm->lk", self.gain, (self.rows[:count] @ found).T)
        noise = np.einsum("lkm,lm->lk", np.linalg.cholesky(self.spare), rng.standard_normal(self.mean.shape))
        more = np.einsum("lkm,lm->lk", self.spare, self.mean) + noise
        by_sums += np.einsum("lkm,lnk,ln->lm", self.gain, self.cross, more)
        return np.asarray(found - np.einsum("kil,lk->il", sums, by_sums) + np.einsum("kil,lk->il", levels, more))


@dataclass(frozen=True)
class _Factored:
    value: np.ndarray
    factors: Factors
    held: _Held

    def drawn(self, pattern: Pattern, rng: np.random.Generator) -> np.ndarray:
        """Return a draw for each value ``(coefficient, lane)``, in the order of elimination."""
        found = sparse_factors.solved(pattern, self.factors, rng.standard_normal(self.factors.ahead.shape))
        return self.held.projected(pattern, self.factors, found, rng) if len(self.held.rows) else found


def lay_out_neighbours(system: LinearSystem) -> ByNeighbours:
    """Return a system laid out for a sparse factorisation of all coefficients together."""
    shapes = [(factor.levels, factor.width) for factor in system.factors]
    ends = np.cumsum([0, *(levels * width for levels, width in shapes)])
    starts, population = ends[:-1].tolist(), int(ends[-1])
    size = population + system.columns
    products = sparse.coo_array(_products(system))
    leaning = leaning_of(system, starts, _added)
    prior, own_prior = prior_places(system, starts, leaning)
    i, j = products.coords
    place = _order(size, (np.concatenate([i, prior[0]]), np.concatenate([j, prior[1]])), population)
    back = np.argsort(place)
    below, own = i != j, np.full(size, -1, dtype=np.int64)
    own[i[~below]] = np.flatnonzero(~below)
    entries = (*_lower(place[i[below]], place[j[below]]), np.flatnonzero(below))
    pattern = pattern_of(size, entries, (*_lower(place[prior[0]], place[prior[1]]), prior[2]), own[back], own_prior[back])
    pieces = [(number, piece) for number, one in enumerate(leaning) for piece in one.pieces]
    held = np.zeros((2 * len(pieces), size))
    added = np.empty(len(pieces))
    for k, (number, piece) in enumerate(pieces):
        held[k, place[piece]] = 1.0
        held[len(pieces) + k, place[piece[0]]] = 1.0
        added[k] = leaning[number].precision.diagonal()[np.flatnonzero(leaning[number].places == piece[0])[0]]
    constant = system.moments.constant + system.prior_constant + 0.5 * system.columns * LOG_2PI
    for own_graph in (f.neighbours for f in system.factors if f.neighbours is not None):
        # Of |B B'| and of the graph's determinant over the space of Bu = 0 the number of levels of a piece cancels.
        constant += 0.5 * sum(2.0 * np.log(len(piece)) for piece in own_graph.pieces) + 0.5 * _log_minor(own_graph)
    return ByNeighbours(
        system=system,
        pattern=pattern,
        place=place,
        sums=products.data,
        right=_right(system)[back],
        leaning=leaning,
        held=held,
        added=(added, np.array([number for number, _ in pieces], dtype=np.int64)),
        constant=float(constant),
    )


def _added(graph: Neighbours) -> np.ndarray:
    """Return what is added to a graph's diagonal ``(level,)``: to one level of each piece its own."""
    found, diagonal = np.zeros(graph.precision.shape[0]), graph.precision.diagonal()
    first = [piece[0] for piece in graph.pieces]
    found[first] = diagonal[first]
    return found


def _log_minor(graph: Neighbours) -> float:
    """Return the log determinant of a graph's precision without one level of each piece.

    Times the number of levels of each piece it is that over the space in which their sums are 0 (the matrix tree theorem).
    """
    kept = np.ones(graph.precision.shape[0], dtype=bool)
    kept[[piece[0] for piece in graph.pieces]] = False
    lower = splu(sparse.csc_array(graph.precision[kept][:, kept]), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    return float(np.log(np.abs(lower.U.diagonal())).sum())


def _lower(i: np.ndarray, j: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.maximum(i, j), np.minimum(i, j)


def _order(size: int, entries: tuple[np.ndarray, np.ndarray], population: int) -> np.ndarray:
    """Return each coefficient's place in the elimination ``(coefficient,)``: population columns, which meet all others, last."""
    i, j = entries
    keep = (i != j) & (i < population) & (j < population)
    i, j = i[keep], j[keep]
    ends = np.concatenate([i, j]), np.concatenate([j, i])
    graph = sparse.coo_array((np.ones(2 * len(i)), ends), shape=(population, population)).tocsr()
    graph.data[:] = -1.0
    diagonal = sparse.diags_array(1.0 - np.asarray(graph.sum(axis=1)))
    return np.concatenate([place_of(graph + diagonal), np.arange(population, size)])


def _products(system: LinearSystem) -> sparse.coo_array:
    """Return products among all coefficients, factors first, as a lower triangle ``(coefficient, coefficient)``."""
    moments, count = system.moments, len(system.factors)
    blocks: list[list[sparse.sparray | None]] = [[None] * (count + 1) for _ in range(count + 1)]
    for k, factor in enumerate(system.factors):
        size = factor.levels * factor.width
        blocks[k][k] = _block_diagonal(moments.own[k])
        blocks[count][k] = sparse.csr_array(moments.with_columns[k][:, :, :-1].reshape(size, system.columns).T)
        for m in range(k):
            blocks[k][m] = between(system, k, m)
    blocks[count][count] = sparse.csr_array(np.tril(moments.gram[:-1, :-1]))
    found = sparse.coo_array(sparse.block_array(blocks, format="csr"))
    found.sum_duplicates()
    return found


def _block_diagonal(own: np.ndarray) -> sparse.csr_array:
    """Return the lower triangles of small matrices ``(level, width, width)`` along the diagonal."""
    levels, width, _ = own.shape
    i, j = np.tril_indices(width)
    begins = np.arange(levels)[:, None] * width
    spots = ((begins + i).ravel(), (begins + j).ravel())
    return sparse.csr_array((own[:, i, j].ravel(), spots), shape=(levels * width, levels * width))


def _right(system: LinearSystem) -> np.ndarray:
    """Return products of all coefficients with the response ``(coefficient,)``."""
    moments: Sequence[np.ndarray] = [own[:, :, -1].ravel() for own in system.moments.with_columns]
    return np.concatenate([*moments, system.moments.gram[:-1, -1]])

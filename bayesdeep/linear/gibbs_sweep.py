"""One sweep of the Gibbs sampler: coefficients given scales, scales given effects, scales given standardised effects.

The second and third step interweave the centred and the non-centred parametrisation (ASIS: Yu and Meng 2011, To center or not
to center: that is not the question, Journal of Computational and Graphical Statistics 20(3), 531-570,
doi:10.1198/jcgs.2011.203main).
"""

from dataclasses import dataclass

import numpy as np

from bayesdeep.core.linear import Derived, Factor
from bayesdeep.numerics.slices import step

from .hyperparameters import Coordinates, log_prior, scales_of, start_of
from .joint_lanczos import Joint, Roots, by_chain, by_level, written_out
from .unexplored import UnexploredError

START_JITTER = 0.3
"""Of starting points, on the coordinates: logarithms of scales, inverse hyperbolic tangents of partial correlations."""
REPRODUCED = 1e-10
"""Share of the response's sum of squares below which that of the residuals is made of rounding."""
WITHOUT_NOISE = (
    "the predictors and groups reproduce the response exactly, so that the data say nothing of the noise. Leave out what repeats "
    "the response, or the factor with a group for every row"
)
FIRST_WIDTH, OVER_MOVE, MEMORY = 1.0, 3.0, 0.9
"""Of slices: at first, and then in terms of the mean move of the last ten or so draws."""


@dataclass(frozen=True)
class ChainState:
    """Where chains are: hyperparameters ``(chain, dim)``, coefficients ``(…, chain)``, joint log density ``(chain,)``."""

    points: np.ndarray
    coefficients: list[np.ndarray]
    log_density: np.ndarray


class Sweep:
    """What a sweep needs, and the widths of slices that it learns."""

    def __init__(self, joint: Joint, rng: np.random.Generator) -> None:
        self._joint, self._system, self._rng = joint, joint.system, rng
        dim = joint.system.dim
        self._own = Coordinates(np.full(dim, np.nan))
        self._widths = np.full((2, dim), FIRST_WIDTH)
        of_factors = [_coordinates(factor) for factor in joint.system.factors]
        # A scale that several factors have cannot move with the effects of one of them.
        count = np.bincount(np.concatenate([*of_factors, [dim]]).astype(int), minlength=dim + 1)
        sigma = joint.system.sigma.index
        self._apart = [[k for k in own if count[k] == 1 and k != sigma] for own in of_factors]

    def start(self, chains: int) -> np.ndarray:
        """Return where chains start ``(chain, dim)``."""
        if self._system.moments.gram[-1, -1] <= 0:
            raise UnexploredError(WITHOUT_NOISE)
        at = start_of(self._system)
        for _ in range(50):
            points = at + START_JITTER * self._rng.uniform(-1.0, 1.0, (chains, len(at)))
            if np.isfinite(self._prior(points)).all():
                return points
        return np.tile(at, (chains, 1))

    def step(self, points: np.ndarray, *, learning: bool) -> tuple[ChainState, int]:
        """Return where chains at ``points`` are after a sweep, and how many passes drawing the coefficients took."""
        system, joint = self._system, self._joint
        coefficients, passes = joint.draw(Roots.of(scales_of(system, points)), self._rng)
        products = joint.products(coefficients)
        squares = self._squares(coefficients, products)
        if (squares <= REPRODUCED * system.moments.gram[-1, -1]).any():
            raise UnexploredError(WITHOUT_NOISE)
        second = [np.einsum("lkb,lmb->bkm", u, u) for u in coefficients[1:]]

        def given_effects(at: np.ndarray) -> np.ndarray:
            return self._prior(at) + self._likelihood(at, squares) + self._effects(at, second)

        before = points
        for k in range(system.dim):
            points = step(given_effects, points, k, self._widths[0, k], self._rng)
        self._learn(0, points - before, range(system.dim), learning)
        for number, own in enumerate(self._apart):
            if own:
                points = self._move(number, own, points, coefficients, learning)
        squares = self._squares(coefficients, joint.products(coefficients))
        second = [np.einsum("lkb,lmb->bkm", u, u) for u in coefficients[1:]]
        columns = coefficients[0]
        prior = system.prior_constant - 0.5 * np.einsum("kb,km,mb->b", columns, system.precision, columns)
        density = self._prior(points) + self._likelihood(points, squares) + self._effects(points, second) + prior
        return ChainState(points, coefficients, system.moments.constant + density), passes

    def _move(
        self, number: int, own: list[int], points: np.ndarray, coefficients: list[np.ndarray], learning: bool
    ) -> np.ndarray:
        """Draw a factor's scales given its standardised effects, and change the effects in place."""
        joint, system, effects = self._joint, self._system, coefficients[1 + number]
        scales = scales_of(system, points)
        root, products = Roots.of(scales).factors[number], joint.products(coefficients)[1 + number]
        standard = _solved(root, effects)
        matrices = joint.own[number]
        # What the factor has to explain, and how: sums of squares are quadratic in the entries of T.
        left = joint.responses[1 + number][..., None] - products + by_level(matrices, effects)
        linear = np.einsum("lkb,lmb->bkm", left, standard)
        square = np.einsum("lkn,lmb,lob->bkmno", matrices, standard, standard, optimize=True)

        def given_standard(at: np.ndarray) -> np.ndarray:
            t = written_out(scales_of(system, at).roots[number], len(at)).transpose(2, 0, 1)
            sums = np.einsum("bkm,bkmno,bno->b", t, square, t) - 2.0 * np.einsum("bkm,bkm->b", t, linear)
            return self._prior(at) - 0.5 * sums / scales.sigma**2

        before = points
        for k in own:
            points = step(given_standard, points, k, self._widths[1, k], self._rng)
        self._learn(1, points - before, own, learning)
        effects[...] = by_chain(Roots.of(scales_of(system, points)).factors[number], standard)
        return points

    def _learn(self, way: int, moves: np.ndarray, which: "range | list[int]", learning: bool) -> None:
        if learning:
            for k in which:
                found = OVER_MOVE * np.abs(moves[:, k]).mean()
                self._widths[way, k] = MEMORY * self._widths[way, k] + (1.0 - MEMORY) * max(found, 1e-8)

    def _prior(self, points: np.ndarray) -> np.ndarray:
        """Return the log prior density of the coordinates ``(chain,)``."""
        return log_prior(self._system, points) + self._own.log_jacobian(self._system, points)

    def _likelihood(self, points: np.ndarray, squares: np.ndarray) -> np.ndarray:
        """Return the log likelihood given the residuals' sum of squares ``(chain,)``, without what is constant."""
        sigma = scales_of(self._system, points).sigma
        with np.errstate(all="ignore"):
            return -self._system.moments.rows * np.log(sigma) - 0.5 * squares / sigma**2

    def _effects(self, points: np.ndarray, second: list[np.ndarray]) -> np.ndarray:
        """Return the log density of effects given the sums of their products ``(chain, width, width)``."""
        scales, total = scales_of(self._system, points), np.zeros(len(points))
        with np.errstate(all="ignore"):
            for factor, entries, sums in zip(self._system.factors, scales.roots, second, strict=True):
                root = written_out(entries, len(points)).transpose(2, 0, 1)
                total -= factor.levels * np.log(np.einsum("bkk->bk", root)).sum(axis=1) + 0.5 * _trace(root, sums)
        return total

    def _squares(self, coefficients: list[np.ndarray], products: list[np.ndarray]) -> np.ndarray:
        """Return the residuals' sum of squares ``(chain,)``."""
        found = self._system.moments.gram[-1, -1]
        for own, product, response in zip(coefficients, products, self._joint.responses, strict=True):
            each = own * (product - 2.0 * response[..., None])
            found = found + each.reshape(-1, each.shape[-1]).sum(axis=0)
        return np.maximum(found, 0.0)


def _coordinates(factor: Factor) -> list[int]:
    """Return which hyperparameters a factor's scales and correlations are."""
    read = [scale.of.indices if isinstance(scale, Derived) else (scale.index,) for scale in factor.scales]
    found = {index for indices in read for index in indices if index is not None}
    for start, stop, first in factor.blocks:
        count = stop - start
        found |= set(range(first, first + count * (count - 1) // 2))
    return sorted(found)


def _solved(root: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """Return ``T^-1 u``."""
    if len(root) == 1:
        return effects / root[0, 0]
    return by_chain(np.linalg.inv(root.transpose(2, 0, 1)).transpose(1, 2, 0), effects)


def _trace(root: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Return the trace of ``T^-1 S T^-T`` ``(chain,)``; infinite where ``T`` has no inverse."""
    if root.shape[1] == 1:
        return sums[:, 0, 0] / root[:, 0, 0] ** 2
    found = np.full(len(root), np.inf)
    good = np.isfinite(root).all(axis=(1, 2)) & (np.einsum("bkk->bk", root) > 0).all(axis=1)
    half = np.linalg.solve(root[good], sums[good])
    found[good] = np.einsum("bkk->b", np.linalg.solve(root[good], half.transpose(0, 2, 1)))
    return found

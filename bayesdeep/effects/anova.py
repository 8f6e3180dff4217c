r"""Functional analysis of variance of a predictor, for every posterior draw.

**The decomposition.** Let the inputs be independent, each with the distribution it has in the training rows. Then a function
:math:`f` is a sum of a constant, main effects :math:`f_i(x_i)`, interactions of pairs :math:`f_{ij}(x_i, x_j)` and higher ones,
orthogonal to each other (Hoeffding 1948; Sobol' 1993), and its variance the sum of theirs: a *share* is
:math:`\operatorname{Var} f_i / \operatorname{Var} f` or :math:`\operatorname{Var} f_{ij} / \operatorname{Var} f`. Each input's
distribution is represented by ``points`` of its values in the training rows, evenly spaced in their order.

**Main effects.** :math:`f_i` at every point is the mean of :math:`f` over a background of the other inputs, the same one for all
points (the partial dependence of Friedman 2001). A background is a Latin hypercube (McKay, Beckman and Conover 1979), so that
means over it are much better than those of a random sample; there are four, and the products of different curves estimate
:math:`\operatorname{Var} f_i` without the bias that what is left of other effects would add.

**Pairs.** For two values of each of the two inputs, the double difference
:math:`\Delta(z) = f(x_i, x_j, z) - f(x_i', x_j, z) - f(x_i, x_j', z) + f(x_i', x_j', z)` contains nothing but what involves
both, and for independent backgrounds :math:`\operatorname{E} \Delta(z) \Delta(z') = 4 \operatorname{Var} f_{ij}`. It is 0 for an
additive function whatever the sample, so that small shares are not drowned by the noise of large ones (Owen 2013; the superset
version is in Liu and Owen 2006, and Fruth, Roustant and Kuhnt 2014). The sample is the one from which Saltelli (2002) gets
all second-order indices, with the double exchanges added.

**Monte Carlo error.** The sample, like the backgrounds, is in four groups; all squares are also found without each of these.

**Dependent inputs.** Nothing above asks which combinations of values occur. Where inputs go together,
:math:`\operatorname{Var} f` is that of a population in which they do not, and may be many times, or a small part of, the variance
of the predictor on the rows: both are reported, for the shares are of the former.

From these squares to shares with intervals: :mod:`bayesdeep.effects.squares`.

References
----------
Friedman (2001), Annals of Statistics 29(5), 1189-1232. Fruth, Roustant and Kuhnt (2014), Journal of Statistical Planning and
Inference 147, 212-223. Hoeffding (1948), Annals of Mathematical Statistics 19(3), 293-325. Liu and Owen (2006), Journal of the
American Statistical Association 101, 712-721. McKay, Beckman and Conover (1979), Technometrics 21(2), 239-245. Owen (2013),
Better estimation of small Sobol' sensitivity indices, ACM TOMACS 23(2). Saltelli (2002), Computer Physics Communications 145(2),
280-297. Sobol' (1993), Mathematical Modelling and Computational Experiment 1, 407-414.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bayesdeep.core.random import derive

from .input_function import Predictor
from .squares import Share, Squares, share_of, squares

POINTS = 128
"""Values of an input."""
BACKGROUNDS, LEAST_BACKGROUND, BACKGROUND = 4, 2, 16
"""Independent backgrounds, and the rows of each."""
ROWS = 1_000
"""Training rows, evenly spaced, on which the predictor's variance is taken."""
CURVE_ROWS = 60_000
"""Rows for the main effects of all inputs together."""
PAIR_ROWS = 30_000
"""Rows for all pairs; at least 256 and at most 1,024 samples are taken."""
LEAST_SAMPLES, MOST_SAMPLES = 256, 1_024
MOST_INPUTS = 15
"""Inputs whose pairs are looked at (105 pairs)."""


@dataclass(frozen=True)
class Anova:
    """What :func:`analyse` found.

    Attributes
    ----------
    main, curved
        By input: the share of its main effect, and of what that has beyond a straight line (numbers only).
    pairs
        By pair of inputs.
    bilinear
        Of the posterior mean's interaction of a pair of numbers, the part that their product has, by pair.
    variance
        Posterior mean of the function's variance, inputs being independent.
    variance_on_rows
        Posterior mean of its variance on the training rows.
    left_out
        Inputs whose pairs were not looked at because others interact more.
    """

    main: Mapping[str, Share]
    curved: Mapping[str, Share]
    pairs: Mapping[tuple[str, str], Share]
    bilinear: Mapping[tuple[str, str], float]
    variance: float
    variance_on_rows: float
    left_out: tuple[str, ...]


def analyse(predictor: Predictor, seed: int) -> Anova:
    """Return shares of main effects and pairs; see the module for what they are and how they are estimated.

    The same inputs get the same samples whatever their order. Cost: the predictor at up to 90,000 rows a posterior draw.
    """
    inputs = predictor.inputs
    streams = {i.name: np.random.default_rng(derive(seed, i.name)) for i in inputs}
    rows = {i.name: _points(predictor.order(i)) for i in inputs}
    curves = _curves(predictor, rows, streams)
    middle = {name: h - h.mean(axis=2, keepdims=True) for name, h in curves.items()}
    sample = _Sample(predictor, rows, streams, len(inputs))
    mains = {name: _of_curves(h) for name, h in middle.items()}
    whole = sum(mains.values(), start=_rest(middle, sample))
    if not _varies(whole, curves):
        nothing = Squares(np.zeros_like(whole.own), np.zeros_like(whole.own))
        nothing = nothing.known_by([nothing] * len(whole.without))
        whole, mains = nothing, dict.fromkeys(mains, nothing)
    curved, numbers = {}, {}
    for i in inputs:
        if i.kind == "number":
            values = np.asarray(predictor.columns[i.columns[0]].values, dtype=float)[rows[i.name]]
            curved[i.name] = share_of(_of_curves(beyond(middle[i.name], values[None])), whole)
            numbers[i.name] = values
    main = {name: share_of(part, whole) for name, part in mains.items()}
    chosen = sample.most_interacting(middle)
    pairs = {pair: share_of(sample.pair(*pair), whole) for pair in combinations(chosen, 2)}
    bilinear = {(a, b): sample.bilinear(a, b, numbers) for a, b in pairs if a in numbers and b in numbers}
    left_out = tuple(i.name for i in inputs if i.name not in chosen)
    return Anova(main, curved, pairs, bilinear, float(whole.own.mean()), _on_rows(predictor), left_out)


def _on_rows(predictor: Predictor) -> float:
    """Return the posterior mean of the predictor's variance on the training rows."""
    rows = np.unique(np.linspace(0, predictor.rows - 1, min(predictor.rows, ROWS)).astype(int))
    (value,) = predictor.evaluate([predictor.frame({i.name: rows for i in predictor.inputs})])
    return float(_levels(value).var(axis=1).sum(axis=1).mean())


def _points(order: np.ndarray) -> np.ndarray:
    """Return training rows that are evenly spaced in an input's order; all of them where there are few."""
    count = min(len(order), POINTS)
    return order[((np.arange(count) + 0.5) * len(order) / count).astype(int)]


def _levels(value: np.ndarray) -> np.ndarray:
    """Return a predictor with an axis of levels also where there is one only."""
    return value if value.ndim == 3 else value[:, :, None]


def _of_curves(parts: np.ndarray) -> Squares:
    """Return the squared norm of curves ``(draw, background, point, level)``, and without each background."""
    others = [squares(_flat(np.delete(parts, k, axis=1))) for k in range(BACKGROUNDS)]
    return squares(_flat(parts)).known_by(others).over(parts.shape[2])


def _group(size: int) -> np.ndarray:
    """Return each place's group ``(sample,)`` in a sample."""
    return np.arange(size) * BACKGROUNDS // size


def _flat(parts: np.ndarray) -> np.ndarray:
    """Return ``(draw, background, point, level)`` with points and levels as one axis."""
    return parts.reshape(*parts.shape[:2], -1)


def _curves(
    predictor: Predictor, rows: Mapping[str, np.ndarray], streams: Mapping[str, np.random.Generator]
) -> dict[str, np.ndarray]:
    """Return each input's curves ``(draw, background, point, level)``."""
    names = list(rows)
    points = len(rows[names[0]])
    size = min(BACKGROUND, max(LEAST_BACKGROUND, CURVE_ROWS // (BACKGROUNDS * len(names) * points)))
    others = {name: rows[name][_hypercubes(points, size, streams[name])] for name in names}
    frames = []
    for name in names:
        places = {other: np.repeat(at, points) for other, at in others.items()}
        frames.append(predictor.frame({**places, name: np.tile(rows[name], BACKGROUNDS * size)}))
    found = {}
    for name, value in zip(names, predictor.evaluate(frames), strict=True):
        levels = _levels(value)
        found[name] = levels.reshape(len(levels), BACKGROUNDS, size, points, levels.shape[2]).mean(axis=2)
    return found


def _hypercubes(points: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return an input's points in Latin hypercubes, one after the other: one from each of ``size`` equal parts, shuffled."""
    parts = [rng.permutation((np.arange(size) + rng.random(size)) * points / size) for _ in range(BACKGROUNDS)]
    return np.minimum(np.concatenate(parts).astype(int), points - 1)


class _Sample:
    """Saltelli's sample: two matrices of inputs, and these with columns exchanged."""

    def __init__(
        self,
        predictor: Predictor,
        rows: Mapping[str, np.ndarray],
        streams: Mapping[str, np.random.Generator],
        inputs: int,
    ) -> None:
        self._predictor, self._rows, self.names = predictor, rows, list(rows)
        self.points = len(rows[self.names[0]])
        used = min(inputs, MOST_INPUTS)
        size = PAIR_ROWS // (2 + 2 * used + used * (used - 1))
        size = max(LEAST_SAMPLES, min(MOST_SAMPLES, size))
        self.at: tuple[dict[str, np.ndarray], dict[str, np.ndarray]] = ({}, {})
        for name in self.names:
            times, rng = -(-size // self.points), streams[name]
            first = np.concatenate([rng.permutation(self.points) for _ in range(times)])[:size]
            self.at[0][name] = first
            # Another point: a pair of equal ones would say nothing.
            self.at[1][name] = (first + rng.integers(1, max(2, self.points), size=size)) % self.points
        keys = [frozenset[str](), *(frozenset({name}) for name in self.names)]
        self._values = self._evaluate([(side, key) for side in (0, 1) for key in keys])

    def places(self, side: int, exchanged: frozenset[str]) -> dict[str, np.ndarray]:
        """Return each input's points ``(sample,)`` in matrix ``side`` with these columns from the other one."""
        return {name: self.at[side ^ (name in exchanged)][name] for name in self.names}

    def _evaluate(self, wanted: Sequence[tuple[int, frozenset[str]]]) -> dict[tuple[int, frozenset[str]], np.ndarray]:
        frames = []
        for side, key in wanted:
            at = self.places(side, key)
            frames.append(self._predictor.frame({name: self._rows[name][at[name]] for name in self.names}))
        return dict(zip(wanted, map(_levels, self._predictor.evaluate(frames)), strict=True))

    def values(self, side: int, exchanged: frozenset[str]) -> np.ndarray:
        """Return the function there ``(draw, sample, level)``."""
        return self._values[side, exchanged]

    def known(self) -> list[tuple[int, frozenset[str]]]:
        """Return what :meth:`values` can be asked for."""
        return list(self._values)

    def most_interacting(self, middle: Mapping[str, np.ndarray]) -> list[str]:
        """Return the inputs with the largest share in interactions, all if they are few; and evaluate their pairs."""
        found = {}
        for name, curve in middle.items():
            mean = curve.mean(axis=1)
            sizes = []
            for side in (0, 1):
                own, other = self.at[side][name], self.at[1 - side][name]
                change = self.values(side, frozenset()) - self.values(side, frozenset({name}))
                left = change - (mean[:, own] - mean[:, other])
                sizes.append(float((left**2).sum(axis=2).mean()))
            found[name] = sum(sizes)
        best = set(sorted(self.names, key=lambda name: -found[name])[:MOST_INPUTS])
        chosen = [name for name in self.names if name in best]
        pairs = [frozenset(pair) for pair in combinations(chosen, 2)]
        self._values |= self._evaluate([(side, pair) for side in (0, 1) for pair in pairs]) if pairs else {}
        return chosen

    def _mixed(self, side: int, first: str, second: str) -> np.ndarray:
        """Return the mixed differences ``(draw, sample, level)`` of which a pair's interaction is made."""
        v = [self.values(side, frozenset(key)) for key in ((), (first,), (second,), (first, second))]
        return v[0] - v[1] - v[2] + v[3]

    def bilinear(self, first: str, second: str, numbers: Mapping[str, np.ndarray]) -> float:
        """Return the part of a pair's interaction, in the posterior mean, that the product of two numbers has.

        ``numbers`` are their values at their points. A product's mixed differences are those of the one times those of the other.
        """
        shared = whole = product = 0.0
        for side in (0, 1):
            mixed = self._mixed(side, first, second).mean(axis=0)
            steps = [numbers[name][self.at[0][name]] - numbers[name][self.at[1][name]] for name in (first, second)]
            both = (steps[0] * steps[1])[:, None]
            shared = shared + (mixed * both).sum(axis=0)
            whole, product = whole + float((mixed**2).sum()), product + float((both**2).sum())
        found = float(np.sum(np.square(shared)))
        return found / (whole * product) if whole * product > 0 else 1.0

    def pair(self, first: str, second: str) -> Squares:
        """Return the squared norm of a pair's interaction."""
        # Pairs of distinct points differ more than independent ones do.
        distinct = (self.points / max(1, self.points - 1)) ** 2
        both = np.stack([self._mixed(side, first, second) for side in (0, 1)], axis=1)
        group, size = _group(both.shape[2]), both.shape[2]
        others = [squares(_flat(both[:, :, group != k])).over((group != k).mean()) for k in range(BACKGROUNDS)]
        return squares(_flat(both)).known_by(others).over(4.0 * distinct * size)


def _rest(middle: Mapping[str, np.ndarray], sample: _Sample) -> Squares:
    """Return the squared norm of what is no main effect: a mean over the sample, which for an additive function has none."""
    found = []
    for side, key in sample.known():
        at, value = sample.places(side, key), sample.values(side, key)
        # What different backgrounds give for main effects has independent errors.
        parts = np.stack([value - sum(h[:, k, at[name]] for name, h in middle.items()) for k in range(BACKGROUNDS)], axis=1)
        group = _group(parts.shape[2])
        others = [_centred(np.delete(parts, k, axis=1)[:, :, group != k]) for k in range(BACKGROUNDS)]
        found.append(_centred(parts).known_by(others))
    return sum(found[1:], start=found[0]).over(len(found))


def _centred(parts: np.ndarray) -> Squares:
    """Return the mean over a sample of what ``(draw, background, sample, level)`` is beyond a constant, squared."""
    return squares(_flat(parts - parts.mean(axis=2, keepdims=True))).over(parts.shape[2])


def _varies(whole: Squares, curves: Mapping[str, np.ndarray]) -> bool:
    """Return whether the function varies by more than rounding."""
    size = max(float(np.abs(h).max()) for h in curves.values())
    return float(whole.own.mean()) > (1e-9 * size) ** 2


def beyond(curves: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return what curves ``(draw, background, point, level)`` have beyond a constant and columns ``(column, point)``."""
    columns = known - known.mean(axis=1, keepdims=True)
    size = np.sqrt((columns**2).sum(axis=1, keepdims=True))
    basis, _ = np.linalg.qr((columns / np.where(size > 0, size, 1.0)).T)
    middle = curves - curves.mean(axis=2, keepdims=True)
    return middle - np.einsum("pc,skcl->skpl", basis, np.einsum("skpl,pc->skcl", middle, basis))

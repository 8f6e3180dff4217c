"""The predictive distribution of new responses, however few draws of the parameters there are.

Parameters of the response's distribution are worked out once a draw; new responses are drawn from these as often as smooth
intervals need. Its mean is the mean of the distribution's means, which simulation would only blur, and where the
distribution's variance has a closed form so has the predictive one: by the law of total variance
:math:`\\operatorname{E} \\operatorname{Var}(y \\mid \\theta) + \\operatorname{Var} \\operatorname{E}(y \\mid \\theta)`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from bayesdeep.collapse.row_values import is_linear, noise_sd, predictor
from bayesdeep.core.random import derive
from bayesdeep.core.records import RowLaw
from bayesdeep.graph.build import units_of
from bayesdeep.graph.evaluate import BatchedFunction, function_of, noise_function
from bayesdeep.spec.model_spec import ModelSpec

from .graph_cache import evaluation_graph
from .new_groups import with_new_groups
from .nonlinear_values import refuse_without_value
from .prediction_blocks import block_rows, cut_off, inside_bounds
from .rows import Rows, containers
from .written_rows import law_of, params_of, trials_in

RESPONSES = 4_000
"""New responses a row that intervals are read from, at least."""


@dataclass(frozen=True, eq=False)
class Predicted:
    """Predictive distributions of rows ``start`` to ``stop``.

    Attributes
    ----------
    mean, sd
        Of the distribution ``(row,)``.
    draws
        New responses ``(draw, row)``.
    """

    start: int
    stop: int
    mean: np.ndarray
    sd: np.ndarray
    draws: np.ndarray


@dataclass(frozen=True, eq=False)
class ConditionalMoments:
    """Means and variances of a new response given the parameters, ``(draw, row)`` each; None without a closed form."""

    mean: np.ndarray | None
    variance: np.ndarray | None


def predictive_blocks(
    spec: ModelSpec, posterior: Mapping[str, np.ndarray], rows: Rows, new_groups: str, seed: int
) -> Iterator[Predicted]:
    """Yield the predictive distributions of new responses, block by block, for all the rows.

    Parameters
    ----------
    posterior
        Draws by name ``(draw, …)``, of any number.
    new_groups
        As for predictions.
    """
    source = _source(spec, posterior, rows, new_groups, seed)
    for start in range(0, rows.rows, source.step):
        stop = min(start + source.step, rows.rows)
        params, moments = source.evaluate(rows, start, stop)
        draws = source.draw(params, start, stop)
        yield Predicted(start, stop, *_mean_and_sd(moments, draws, _as_recorded(rows, start, stop)), draws)


def normal_draws(
    spec: ModelSpec, posterior: Mapping[str, np.ndarray], rows: Rows, new_groups: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return means and standard deviations of normal responses, each ``(draw, obs)``."""
    source = _source(spec, posterior, rows, new_groups, seed)
    params, shape = source.evaluate(rows, 0, rows.rows)[0], (len(next(iter(posterior.values()))), rows.rows)
    means, sds = (np.broadcast_to(params[name], shape) for name in ("mu", "sigma"))
    return means, sds


def noise_blocks(
    spec: ModelSpec, posterior: Mapping[str, np.ndarray], rows: Rows, new_groups: str, seed: int, least: int
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield first row, last row + 1 and :math:`\\operatorname{E} \\operatorname{Var}(y \\mid \\theta)` ``(row,)`` of a block.

    Where the variance has no closed form it is estimated from ``least`` new responses or more.
    """
    source = _source(spec, posterior, rows, new_groups, seed, least)
    for start in range(0, rows.rows, source.step):
        stop = min(start + source.step, rows.rows)
        params, moments = source.evaluate(rows, start, stop)
        if moments.variance is not None:
            yield start, stop, moments.variance.mean(axis=0)
            continue
        assert moments.mean is not None, "asked for where the mean has a closed form"
        around = np.repeat(moments.mean, source.times, axis=0)
        yield start, stop, ((source.draw(params, start, stop) - around) ** 2).mean(axis=0)


def _source(
    spec: ModelSpec, posterior: Mapping[str, np.ndarray], rows: Rows, new_groups: str, seed: int, least: int = RESPONSES
) -> "_Source | _LinearSource | _WrittenSource":
    given = spec, posterior, rows, new_groups, seed, least
    if is_linear(spec):
        return _LinearSource(*given)
    law = law_of(spec)
    return _Source(*given) if law is None else _WrittenSource(law, *given)


class _LinearSource:
    """What :class:`_Source` is, of a linear Gaussian model: in NumPy."""

    def __init__(
        self, spec: ModelSpec, posterior: Mapping[str, np.ndarray], rows: Rows, new_groups: str, seed: int, least: int
    ) -> None:
        self._spec, self._rows = spec, rows
        self._draws = with_new_groups(spec, posterior, rows, new_groups, seed)
        self._count = len(next(iter(posterior.values()))) if posterior else 1
        self._rng = np.random.default_rng(derive(seed, "predictive"))
        self.times = -(-least // self._count)
        self.step = block_rows(self._count * self.times)

    def evaluate(self, rows: Rows, start: int, stop: int) -> tuple[dict[str, np.ndarray], ConditionalMoments]:
        """Return mean and sd of the response ``(draw, row)``, and its moments."""
        data, shape = containers(rows, start, stop), (self._count, stop - start)
        mean = predictor(self._spec, self._draws, data, stop - start)
        sd = np.broadcast_to(noise_sd(self._spec, self._draws, data), shape)
        return {"mu": mean, "sigma": sd}, ConditionalMoments(mean, sd**2)

    def draw(self, params: Mapping[str, np.ndarray], start: int, stop: int) -> np.ndarray:
        """Return new responses ``(draw * times, row)``."""
        del start, stop
        mean, sd = (np.repeat(params[name], self.times, axis=0) for name in ("mu", "sigma"))
        return np.asarray(self._rng.normal(mean, sd))


class _WrittenSource:
    """What :class:`_Source` is, where the family has written its distribution down: in NumPy."""

    def __init__(
        self,
        law: RowLaw,
        spec: ModelSpec,
        posterior: Mapping[str, np.ndarray],
        rows: Rows,
        new_groups: str,
        seed: int,
        least: int,
    ) -> None:
        self._law, self._spec, self._rows = law, spec, rows
        self._draws = with_new_groups(spec, posterior, rows, new_groups, seed)
        self._count = len(next(iter(posterior.values()))) if posterior else 1
        self._rng = np.random.default_rng(derive(seed, "predictive"))
        self.times = -(-least // self._count)
        self.step = block_rows(self._count * max(len(spec.response.levels or ()), self.times))

    def evaluate(self, rows: Rows, start: int, stop: int) -> tuple[dict[str, np.ndarray], ConditionalMoments]:
        """Return the response's parameters by name ``(draw, …)``, and its moments given them ``(draw, row[, level])``."""
        data = containers(rows, start, stop)
        params = params_of(self._spec, self._draws, data)
        trials, variance = trials_in(self._spec, data), self._law.variance
        moments = self._law.mean(params, trials), None if variance is None else variance(params, trials)
        return params, ConditionalMoments(*moments)

    def draw(self, params: Mapping[str, np.ndarray], start: int, stop: int) -> np.ndarray:
        """Return new responses ``(draw * times, row)``."""
        whole = {name: np.broadcast_to(value, (self._count, *value.shape[1:])) for name, value in params.items()}
        repeated = {name: np.repeat(value, self.times, axis=0) for name, value in whole.items()}
        value = self._law.draw(self._rng, repeated, trials_in(self._spec, containers(self._rows, start, stop)))
        return cut_off(value, self._rows, start, stop)


class _Source:
    """A model on rows, its draws, and the two functions: draws to parameters of rows, and these to new responses."""

    def __init__(
        self,
        spec: ModelSpec,
        posterior: Mapping[str, np.ndarray],
        rows: Rows,
        new_groups: str,
        seed: int,
        least: int = RESPONSES,
    ) -> None:
        graph = evaluation_graph(spec, rows)
        self._rows, self._graph = rows, graph
        self._draws = with_new_groups(spec, posterior, rows, new_groups, seed)
        refuse_without_value(spec, self._draws, rows)
        self._count = len(next(iter(posterior.values()))) if posterior else 1
        self.times = -(-least // self._count)
        variance = None if graph.response.mean is None else graph.response.variance
        self._closed = [tensor for tensor in (graph.response.mean, variance) if tensor is not None]
        self._has = graph.response.mean is not None, variance is not None
        self._of_rows = function_of(graph, [*graph.response.params.values(), *self._closed])
        self._noise: BatchedFunction = noise_function(graph, derive(seed, "predictive"))
        levels = max(len(spec.response.levels or ()) or 1, units_of(graph))
        self.step = block_rows(self._count * max(levels, self.times))
        self._by_row = {
            name: tensor.ndim > bool(getattr(graph.response.family.parameter(name), "is_vector", False))
            for name, tensor in graph.response.params.items()
        }

    def evaluate(self, rows: Rows, start: int, stop: int) -> tuple[dict[str, np.ndarray], ConditionalMoments]:
        """Return the response's parameters by name ``(draw, …)``, and its moments given them."""
        found = self._of_rows(self._draws, containers(rows, start, stop))
        names = list(self._graph.response.params)
        params = {
            name: np.broadcast_to(value, (self._count, *value.shape[value.ndim - self._graph.response.params[name].ndim :]))
            for name, value in zip(names, found, strict=False)
        }
        closed = iter([np.broadcast_to(v, (self._count, stop - start)) for v in found[len(names) :]])
        mean, variance = (next(closed) if has else None for has in self._has)
        return params, ConditionalMoments(mean, variance)

    def draw(self, params: Mapping[str, np.ndarray], start: int, stop: int) -> np.ndarray:
        """Return new responses ``(draw * times, row)``, inside the bounds where rows are truncated."""
        repeated = {name: np.repeat(value, self.times, axis=0) for name, value in params.items()}
        value = self._noise(repeated, containers(self._rows, start, stop))[0]

        def again(at: np.ndarray) -> np.ndarray:
            some = {name: array[:, at] if self._by_row[name] else array for name, array in repeated.items()}
            return self._noise(some, containers(self._rows.take(start + at), 0, len(at)))[0]

        return inside_bounds(value, again, self._rows, start, stop)


def _as_recorded(rows: Rows, start: int, stop: int) -> np.ndarray:
    """Return which rows' responses are recorded no further than a bound ``(row,)``: their mean is not the distribution's."""
    status = rows.response.status
    return np.zeros(stop - start, dtype=bool) if status is None else np.isin(status[start:stop], (-1, 1))


def _mean_and_sd(moments: ConditionalMoments, draws: np.ndarray, bounded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and sd of the predictive distributions ``(row,)``: in closed form where there is one."""
    mean, sd = draws.mean(axis=0), draws.std(axis=0)
    if moments.mean is None:
        return mean, sd
    own = moments.mean.mean(axis=0)
    known = ~bounded & np.isfinite(own)
    if moments.variance is not None:
        with np.errstate(invalid="ignore"):
            whole = moments.variance.mean(axis=0) + moments.mean.var(axis=0)
        exact = known & np.isfinite(whole)
        sd = np.where(exact, np.sqrt(np.where(exact, whole, 0.0)), sd)
    return np.where(known, own, mean), sd

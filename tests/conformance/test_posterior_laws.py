"""One posterior, two ways of writing it down: the rows that ``transport`` works on, and the graph that ``nuts`` does.

Both are densities of numbers of their own: here scales and coefficients, there standardised effects, centred intercepts, ordered
transforms. What is shown of a point is the same in both, so that for every point of the graph the one of the rows is sought that
shows the same, and the densities differ by the volumes of the two ways there, up to one constant.
"""

from typing import Any

import numpy as np
import pytest

from bayesdeep.collapse.row_system import RowLayout, row_system_of, why_not_rows
from bayesdeep.core.registry import FAMILIES
from bayesdeep.graph.evaluate import array_mode, expand_function
from bayesdeep.graph.parameter_vector import layout_of
from bayesdeep.graph.row_likelihood import row_likelihood
from bayesdeep.linear.hyperparameters import log_prior, scales_of

POINTS, TRIES = 4, 100
STEP = 1e-5
"""Of central differences: their errors are near 1e-9 of a volume's logarithm."""


class Rows:
    """A model's density as ``transport`` has it, on one flat vector of coordinates and coefficients."""

    def __init__(self, model: Any) -> None:
        self.spec, rows = model.spec, model.__dict__["_rows"]
        likelihood = row_likelihood(self.spec, rows.arrays, rows.response)
        self.layout: RowLayout = row_system_of(self.spec, rows.arrays, rows.response, likelihood)
        system = self.layout.rows.system
        self.shapes = [(system.dim,), (system.columns,), *((f.levels, f.width) for f in system.factors)]
        self.size = sum(int(np.prod(shape)) for shape in self.shapes)

    def split(self, flat: np.ndarray) -> list[np.ndarray]:
        """Return positions, population coefficients and effects, each with an axis of points first."""
        edges = np.cumsum([int(np.prod(shape)) for shape in self.shapes])[:-1]
        parts = np.split(flat, edges, axis=1)
        return [part.reshape(len(flat), *shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def shown(self, flat: np.ndarray) -> dict[str, np.ndarray]:
        """Return what the posterior shows, by name."""
        positions, *coefficients = self.split(flat)
        return self.layout.arrays(self.spec, positions, tuple(coefficients))

    def log_density(self, flat: np.ndarray) -> np.ndarray:
        """Return the log density ``(point,)``, up to a constant."""
        positions, beta, *effects = self.split(flat)
        rows, system = self.layout.rows, self.layout.rows.system
        eta = rows.offset[:, None] + rows.columns @ beta.T
        for codes, columns, u in zip(rows.codes, rows.effects, effects, strict=True):
            for k, column in enumerate(columns):
                eta = eta + u[:, codes, k].T * (1.0 if column is None else column[:, None])
        total = rows.likelihood.value(eta, rows.values(positions)).sum(axis=0)
        total += log_prior(system, positions) + rows.log_prior(positions)
        for k, hyper in enumerate(system.hyperparameters):  # of natural values, by coordinates
            x = positions[:, k]
            total += {"scale": x, "real": 0.0 * x, "partial": -2.0 * np.log(np.cosh(x))}[hyper.kind]
        total -= 0.5 * np.einsum("bi,ij,bj->b", beta, system.precision, beta)
        for root, u in zip(scales_of(system, positions).roots, effects, strict=True):
            for b in range(len(flat)):
                dense = [
                    [0.0 if m >= len(row) or row[m] is None else row[m][b] for m in range(len(root))] for row in root
                ]
                total[b] -= 0.5 * (np.linalg.solve(dense, u[b].T) ** 2).sum() + u.shape[1] * np.linalg.slogdet(dense)[1]
        return total


def derivative(function: Any, at: np.ndarray) -> np.ndarray:
    """Return the derivatives ``(value, coordinate)`` of a function of points at one point, by central differences."""
    moves = STEP * np.eye(len(at))
    return (function(at + moves) - function(at - moves)).T / (2 * STEP)


def together(names: list[str], shown: dict[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([shown[name].reshape(len(shown[name]), -1) for name in names], axis=1)


def differences(model: Any, seed: int = 4) -> np.ndarray:
    """Return the graph's log density less the rows', with their volumes, at points about where sampling starts."""
    rows, spec = Rows(model), model.spec
    graph = model.__dict__["_rows"].graph(spec, sampled=True)
    layout, expand = layout_of(graph.model), expand_function(graph)
    density = graph.model.compile_logp(mode=array_mode())
    names = [name for name in graph.reported if name in rows.shown(np.zeros((1, rows.size)))]
    assert set(names) == set(graph.reported)
    there = lambda q: together(names, expand(layout.unravel(q)))  # noqa: E731
    here = lambda t: together(names, rows.shown(t))  # noqa: E731
    rng, found, tries, t = np.random.default_rng(seed), list[float](), 0, np.zeros(rows.size)
    while len(found) < POINTS:
        q = layout.start + 0.3 * rng.normal(size=len(layout.start))
        point = {name: value[0] for name, value in layout.unravel(q[None]).items()}
        value = float(density(point))
        if not np.isfinite(value):  # a response may be impossible there: beyond an end that follows from the parameters
            tries += 1
            assert tries < TRIES
            continue
        wanted = there(q[None])[0]
        for _ in range(60):
            step = np.linalg.lstsq(derivative(here, t), wanted - here(t[None])[0], rcond=None)[0]
            t = t + step * min(1.0, 1.0 / np.abs(step).max(initial=1e-300))
            if np.abs(step).max(initial=0.0) < 1e-9:
                break
        np.testing.assert_allclose(here(t[None])[0], wanted, rtol=1e-8, atol=1e-8)
        turn = np.linalg.lstsq(derivative(here, t), derivative(there, q), rcond=None)[0]
        assert turn.shape == (rows.size, len(q))
        found.append(value - float(rows.log_density(t[None])[0]) - np.linalg.slogdet(turn)[1])
    return np.array(found)


TAKEN = [name for name, family in FAMILIES.items() if family.main.shape == "row" and "several_columns" not in family.words]


@pytest.mark.few(1)
@pytest.mark.parametrize("name", TAKEN)
def test_rows_and_graph_are_one_posterior(name: str, of_family: Any) -> None:
    model = of_family(name)
    reason = why_not_rows(model.spec)
    if reason is not None:
        pytest.skip(reason)
    found = differences(model)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, found[0], atol=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", TAKEN)
def test_transport_and_nuts_draw_from_one_posterior(name: str, of_family: Any) -> None:
    """Means of everything that is shown, and standard deviations, within their Monte Carlo errors."""
    model = of_family(name)
    reason = why_not_rows(model.spec)
    if reason is not None:
        pytest.skip(reason)
    ours = model.fit("transport", seed=1, draws=2000, progress=False).summary()
    theirs = model.fit("nuts", seed=2, draws=2000, tune=1000, target_accept=0.95, progress=False).summary()
    assert list(ours.index) == list(theirs.index)
    for moment in ("mean", "sd"):
        error = np.hypot(ours[f"mcse_{moment}"], theirs[f"mcse_{moment}"])
        z = np.abs(ours[moment] - theirs[moment]) / error
        assert z.max() < 4.5, (moment, z[z > 3])
        assert (z > 3).mean() <= 0.1, (moment, z[z > 3])

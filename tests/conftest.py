"""Fits that cost nothing: draws from the prior, or values of one's own, in the posterior's place."""

import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytensor
import pytest
import scipy.linalg  # noqa: F401  (its threads are limited too)
import xarray as xr
from threadpoolctl import threadpool_limits

import bayesdeep as bd
from bayesdeep.core.registry import FAMILIES
from bayesdeep.fit import Fit
from bayesdeep.results.tree import data_datasets

from . import cpu_record

pytest_runtest_setup, pytest_runtest_call = cpu_record.pytest_runtest_setup, cpu_record.pytest_runtest_call
pytest_runtest_teardown = cpu_record.pytest_runtest_teardown
pytensor.config.traceback__limit = 0
"""Where each tensor was made is told in error messages of PyTensor only, and an eighth of the time graphs take goes into it."""


@pytest.fixture(scope="session", autouse=True)
def one_thread_a_worker() -> Iterator[None]:
    """Give linear algebra one thread in each of several workers: more would wait for each other, spinning."""
    with threadpool_limits(1 if "PYTEST_XDIST_WORKER" in os.environ else None):
        yield


def kept(name: str, number: int, total: int) -> set[int]:
    """Return ``number`` of ``total`` positions, evenly spaced, beginning where the test's name says: each law has others."""
    first, number = zlib.crc32(name.encode()), min(number, total)
    return {(first + k * total // number) % total for k in range(number)}


MORE = 8
"""Cases of a law beyond its first pick that CI runs."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move to ``integration`` what a test marked ``few`` has beyond its first pick, so that laws keep the default run short.

    ``@pytest.mark.few(4)`` keeps four of the test's cases, others for another test's name; ``@pytest.mark.few("gaussian", …)``
    keeps the cases with one of these values. Of the rest ``-m integration`` runs up to :data:`MORE`, or ``more=``, and these
    too are others for another test's name, so that every family is met by many laws; ``-m slow`` runs what is left.
    """
    tests: dict[str, list[Any]] = {}
    for item in items:
        if item.get_closest_marker("few"):
            tests.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for name, cases in tests.items():
        marker = next(cases[0].iter_markers("few"))
        wanted, most = marker.args, marker.kwargs.get("more", MORE)
        if isinstance(wanted[0], int):
            chosen = [cases[k] for k in kept(name, wanted[0], len(cases))]
        else:
            chosen = [case for case in cases if any(v in wanted for v in case.callspec.params.values() if isinstance(v, str))]
            missing = [v for v in wanted if not any(v in case.callspec.params.values() for case in cases)]
            assert not missing, f"{name}: no case has {missing}"
        rest = [case for case in cases if case not in chosen]
        more = {id(rest[k]) for k in kept(f"{name} more", min(most, len(rest)), len(rest))} if rest else set()
        for case in rest:
            case.add_marker("integration" if id(case) in more else "slow")


@pytest.fixture(scope="session")
def made_up() -> Callable[..., Fit]:
    """Return ``made_up(model, draws=20, chains=2, values={}, seed=1)``: a fit with draws that nothing was fitted for.

    ``values`` has the draws ``(chain * draw, …)``, or one value for all, of quantities by posterior name; others are drawn from
    the prior.
    """

    def make(
        model: bd.Model, draws: int = 20, chains: int = 2, values: Mapping[str, Any] | None = None, seed: int = 1
    ) -> Fit:
        prior = model.prior_predictive(draws * chains, seed=seed)["prior"].to_dataset()
        data: dict[str, Any] = {}
        for name, array in prior.data_vars.items():
            flat = np.asarray(array)[0]
            own = np.asarray((values or {}).get(str(name), flat), dtype=float)
            full = np.broadcast_to(own, flat.shape)
            data[str(name)] = (array.dims, full.reshape(chains, draws, *flat.shape[1:]), array.attrs)
        unknown = set(values or {}) - set(data)
        assert not unknown, unknown
        coords = {k: v for k, v in prior.coords.items() if k not in ("chain", "draw")}
        posterior = xr.Dataset(data, coords=coords).assign_coords(chain=np.arange(chains), draw=np.arange(draws))
        rows = model.__dict__["_rows"]
        observed, constant = data_datasets(rows, model.spec)
        groups = {"posterior": posterior, "observed_data": observed, "constant_data": constant}
        tree = xr.DataTree.from_dict(groups)
        attrs = {"method": "made up", "exact": True, "status": "ok", "advice": [], "seed": 1, "seconds_total": 0.0}
        tree.attrs.update({**attrs, "settings": {}})
        return Fit(model.spec, rows, tree)

    return make


def small_frame(rows: int = 48) -> pd.DataFrame:
    """Return columns for a response of every kind, two numbers, two factors, one a row, and what response functions ask for."""
    rng, i = np.random.default_rng(3), np.arange(rows)
    counts = rng.poisson(2.0, (rows, 3))
    columns = {
        "x": rng.normal(size=rows), "z": rng.normal(size=rows), "g": [f"g{j % 6}" for j in i], "f": [f"f{j % 3}" for j in i],
        "unit": rng.uniform(0.1, 0.9, rows), "count": counts[:, 0], "level": [f"l{j}" for j in rng.permutation(i % 3)],
        "grade": rng.permutation(i % 4), "yes": rng.permutation(i % 2) == 1, "k": rng.integers(0, 6, rows), "n": 5 + i % 3,
        "a": 1 + counts[:, 0], "b": counts[:, 1], "c": counts[:, 2], "w": rng.uniform(0.5, 2.0, rows),
        "status": [("none", "left", "right")[j % 3] for j in i], "top": 50.0,
        "own": [f"o{j}" for j in i], "above": np.where(i % 5 == 0, 0.0, rng.uniform(0.1, 0.9, rows)),
    }  # fmt: skip
    ends = np.where(i % 5 == 3, 1.0, columns["above"])
    shares = rng.dirichlet((2.0, 3.0, 4.0), rows).T
    return pd.DataFrame(columns | {"ends": ends} | dict(zip("pqr", shares, strict=True)))


ATOMS = {(0.0,): "above", (0.0, 1.0): "ends"}
"""Columns of numbers some of which have a probability of their own."""
WORDS = {"several_columns": "c(a, b, c)", "ordered": "grade", "levels": "level", "two_levels": "yes", "trials": "prop(k, n)"}
WRAPPED = {"censored": "censored({}, status)", "truncated": "truncated({}, 0, top)", "weighted": "weighted({}, w)"}


def left_side(name: str, modifiers: tuple[str, ...] = ()) -> str:
    """Return a response for a family of the small frame's columns, inside these response functions."""
    words = FAMILIES[name].words
    plain = "count" if "discrete" in words else ATOMS.get(FAMILIES[name].atoms, "unit")
    if "several_columns" in words and "discrete" not in words:
        plain, words = "c(p, q, r)", frozenset()
    text = next((column for word, column in WORDS.items() if word in words), plain)
    for modifier in modifiers:
        text = WRAPPED[modifier].format(text)
    return text


@pytest.fixture(scope="session")
def of_family() -> Callable[..., bd.Model]:
    """Return ``of_family(name, right="x + (1 | g)", modifiers=(), **options)``: a small model of any family."""
    frame = small_frame()

    def make(name: str, right: str = "x + (1 | g)", modifiers: tuple[str, ...] = (), **options: Any) -> bd.Model:
        return bd.Model(f"{left_side(name, modifiers)} ~ {right}", frame, family=name, **options)

    return make

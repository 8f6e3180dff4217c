"""Laws of every term: the same on the same rows, whatever their order; new groups; what it declares linear is its predictor."""

import json
from typing import Any

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FitError
from bayesdeep.core.linear import LinearColumns, LinearEffects, LinearShift
from bayesdeep.core.registry import TERMS
from bayesdeep.design.frame import read_frame
from bayesdeep.graph.evaluate import forward_draws, row_function
from bayesdeep.results.predict import with_new_groups
from bayesdeep.results.rows import rows_of
from bayesdeep.spec.model_spec import ModelSpec

from .examples import columns, example_of

DRAWS = 3
WHAT = "an addend on x, z, g or h as it is written in a formula"


class Made:
    """A model with the term alone (beside an intercept), draws from its prior, and its predictor on any rows."""

    def __init__(self, name: str) -> None:
        self.text = example_of(TERMS[name], "term", name, WHAT)
        self.data = columns()
        self.model = bd.Model(f"y ~ {self.text}", self.data)
        self.spec = self.model.spec
        self.rows = self.model.__dict__["_rows"]
        self.term = next(t for t in self.spec.predictors[0].terms if t.kind == name)
        graph = self.model._graph
        self.draws = forward_draws(graph, list(graph.reported), DRAWS, {}, 1)

    def eta(self, data: Any, spec: ModelSpec | None = None, new_groups: str = "raise") -> np.ndarray:
        spec = self.spec if spec is None else spec
        rows = rows_of(spec, read_frame(data), observed=False)
        graph = rows.graph(spec)
        draws = with_new_groups(spec, self.draws, rows, graph, new_groups, 1)
        found = row_function(graph, ["linear"])(draws)[0]
        return np.broadcast_to(found, (DRAWS, len(data)))


def predictor_is_the_same_on_the_same_rows(name: str) -> None:
    made = Made(name)
    training = row_function(made.model._graph, ["linear"])(made.draws)[0]
    again = made.eta(made.data)
    np.testing.assert_allclose(again, np.broadcast_to(training, again.shape), rtol=1e-10)
    order = np.random.default_rng(0).permutation(len(made.data))
    np.testing.assert_allclose(made.eta(made.data.iloc[order]), again[:, order], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(made.eta(made.data.iloc[:3]), again[:, :3], rtol=1e-8, atol=1e-10)


def what_it_learned_is_json(name: str) -> None:
    made = Made(name)
    assert json.loads(json.dumps(made.term.state)) == made.term.state
    other = ModelSpec.from_json(json.loads(json.dumps(made.spec.to_json())))
    assert other == made.spec
    np.testing.assert_array_equal(made.eta(made.data, other), made.eta(made.data))


def rows_of_known_groups_do_not_see_new_ones(name: str) -> None:
    made = Made(name)
    factors = TERMS[name].groups(made.term.state)
    if not factors:
        return
    changed, there = made.data.copy(), np.arange(len(made.data)) < 5
    for factor in factors:
        changed.loc[there, factor] = "never seen"
    found = made.eta(changed, new_groups="sample")
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:, ~there], made.eta(made.data)[:, ~there], rtol=1e-8, atol=1e-10)
    with pytest.raises(bd.BayesdeepError, match="never seen"):
        made.eta(changed)


def what_it_declares_linear_is_its_predictor(name: str) -> None:
    made = Made(name)
    total = made.draws["Intercept"][:, None] + np.zeros((DRAWS, len(made.data)))
    for term in made.spec.predictors[0].terms:
        declared = TERMS[term.kind].linear
        if declared is None:
            return
        total = total + part_by_hand(declared(term.state), term.key, made)
    np.testing.assert_allclose(total, made.eta(made.data), rtol=1e-8, atol=1e-10)


def part_by_hand(part: Any, key: str, made: Made) -> np.ndarray:
    """Return what a declaration says is added to the predictor ``(draw, obs)``, the population's intercept left out."""
    arrays = made.rows.arrays
    if isinstance(part, LinearShift):
        return arrays[f"{key}.{part.array}"][None]
    matrix = None if part.array is None else arrays[f"{key}.{part.array}"]
    found = np.zeros((DRAWS, len(made.data)))
    for piece in part.slices:
        value = made.draws[piece.slot]
        if isinstance(part, LinearColumns):
            assert matrix is not None
            found += value.reshape(DRAWS, -1) @ matrix[:, piece.start : piece.stop].T
            continue
        assert isinstance(part, LinearEffects)
        by_level = value.reshape(DRAWS, piece.stop - piece.start, part.levels)[:, :, arrays[f"{key}.{part.codes}"]]
        for k in range(piece.start, piece.stop):
            column = 1.0 if part.intercept and k == 0 else matrix[:, k - part.intercept]  # type: ignore[index]
            found += by_level[:, k - piece.start] * column
    return found


def engines_that_integrate_agree_or_refuse(name: str) -> None:
    made = Made(name)
    if any(TERMS[t.kind].linear is None for t in made.spec.predictors[0].terms):
        with pytest.raises(FitError, match="is not linear in its coefficients"):
            made.model.fit("collapsed", progress=False)
        return
    exact = made.model.fit("collapsed", seed=1, progress=False).draws(kind="linear")
    other = made.model.fit("laplace_marginal", seed=1, progress=False).draws(kind="linear")
    dims = ("chain", "draw")
    apart = np.abs(exact.mean(dims) - other.mean(dims)) / exact.std(dims).clip(1e-12)
    assert float(apart.max()) < 0.25


LAWS = (
    predictor_is_the_same_on_the_same_rows,
    what_it_learned_is_json,
    rows_of_known_groups_do_not_see_new_ones,
    what_it_declares_linear_is_its_predictor,
    engines_that_integrate_agree_or_refuse,
)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", TERMS)
def test_law(name: str, law: Any) -> None:
    law(name)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_laws_of_a_visitor(worked: dict[str, Any], law: Any) -> None:
    law(worked["TERM"].name)

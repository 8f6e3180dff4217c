"""Laws of every term: the same on the same rows, whatever their order; new groups; what it declares linear is its predictor."""

import json
from typing import Any

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.core import effects
from bayesdeep.core.errors import FitError
from bayesdeep.core.names import quantity_name
from bayesdeep.core.registry import TERMS
from bayesdeep.design.frame import read_frame
from bayesdeep.formula.walk import factor_columns
from bayesdeep.graph.evaluate import forward_draws, row_function
from bayesdeep.results.new_groups import with_new_groups
from bayesdeep.results.rows import rows_of
from bayesdeep.spec.model_spec import ModelSpec

from .examples import columns, example_of, matrices_of, reads_of, setting

DRAWS = 3
WHAT = "an addend on x, z, g or h as it is written in a formula"


class Made:
    """A model with the term alone (beside an intercept), draws from its prior, and its predictor on any rows."""

    def __init__(self, name: str) -> None:
        self.text = example_of(TERMS[name], "term", name, WHAT)
        self.data = columns()
        self.matrices = matrices_of(TERMS[name], self.data)
        self.response, self.options = setting(TERMS[name])
        self.reads = reads_of(TERMS[name])
        self.options |= self.reads
        self.model = bd.Model(f"{self.response} ~ {self.text}", self.data, arrays=self.matrices, **self.options)
        self.spec = self.model.spec
        self.rows = self.model.__dict__["_rows"]
        self.term = next(t for t in self.spec.predictors[0].terms if t.kind == name)
        graph = self.model._graph
        # What adds to each threshold is seen in the levels' probabilities alone.
        self.what = "mean" if "by_threshold" in TERMS[name].words(self.term.state) else "linear"
        self.draws = forward_draws(graph, list(graph.reported), DRAWS, {}, 1)

    def eta(self, data: Any, spec: ModelSpec | None = None, new_groups: str = "raise") -> np.ndarray:
        spec = self.spec if spec is None else spec
        rows = rows_of(spec, read_frame(data), observed=False)
        graph = rows.graph(spec)
        draws = with_new_groups(spec, self.draws, rows, new_groups, 1)
        found = row_function(graph, [self.what])(draws)[0]
        return np.broadcast_to(found, (DRAWS, len(data), *found.shape[2:]))


def predictor_is_the_same_on_the_same_rows(name: str) -> None:
    made = Made(name)
    training = row_function(made.model._graph, [made.what])(made.draws)[0]
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
    names = [factor_columns(g.factor) for g in made.spec.nodes["mu"].groups] or [(factor,) for factor in factors]
    for factor in (name for group in names for name in group):
        changed.loc[there, factor] = "never seen"
    if closed(made):
        # Levels with a known covariance: there are no others, whatever is to become of new groups.
        with pytest.raises(bd.DataError, match="never seen"):
            made.eta(changed, new_groups="sample")
        return
    found = made.eta(changed, new_groups="sample")
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:, ~there], made.eta(made.data)[:, ~there], rtol=1e-8, atol=1e-10)
    with pytest.raises(bd.BayesdeepError, match="never seen"):
        made.eta(changed)


def it_is_the_same_on_arrays_as_in_the_graph(name: str) -> None:
    record, made = TERMS[name], Made(name)
    assert set(record.reads(made.term.state)) == set(record.example_reads), "it reads what it shows (example_reads)"
    if record.combined is None:
        assert not record.example_reads, "a term that reads parameters has its value on arrays, too (Term.combined)"
        return
    rows, graph = len(made.data), made.model._graph
    own = {key.removeprefix(f"{made.term.key}."): array for key, array in made.rows.arrays.items()}
    found = row_function(graph, ["linear"])(made.draws)[0]
    for k in range(DRAWS):
        values = {name: predictor_by_hand(made, name, k) for name in record.example_reads}
        np.testing.assert_allclose(np.broadcast_to(record.combined(made.term.state, own, values), rows), found[k], rtol=1e-10)


def predictor_by_hand(made: Made, parameter: str, draw: int) -> np.ndarray:
    """Return the predictor of a parameter ``(obs,)`` at one draw: an intercept, a column z, and effects of g."""
    draws, data = {name: values[draw] for name, values in made.draws.items()}, made.data
    total = draws[f"{parameter}_Intercept"] + np.zeros(len(data))
    if f"{parameter}_z" in draws:
        total = total + draws[f"{parameter}_z"] * data["z"].to_numpy()
    if f"{parameter}_1|g" in draws:
        total = total + draws[f"{parameter}_1|g"][np.unique(data["g"], return_inverse=True)[1]]
    return total


def closed(made: Made) -> bool:
    """Return whether a term's levels have a law that says nothing of others."""
    declare = TERMS[made.term.kind].effects
    return any(e.law.related for e in (declare(made.term.state) if declare else ()))


def matrices_it_was_given_make_the_same_model(name: str) -> None:
    given = TERMS[name].given
    if given is None:
        assert not TERMS[name].matrices, "a term that is given matrices says which (Term.given)"
        return
    made = Made(name)
    found = given(made.term.state)
    again = bd.Model(f"{made.response} ~ {made.text}", made.data, arrays=found, **made.options)
    assert again.spec == made.spec
    for name_of, table in (made.matrices or {}).items():
        np.testing.assert_array_equal(found[name_of].values, table.to_numpy())


def what_it_declares_linear_is_its_predictor(name: str) -> None:
    made = Made(name)
    if made.reads or any(TERMS[term.kind].effects is None for term in made.spec.predictors[0].terms):
        return
    total = made.draws["Intercept"][:, None] + np.zeros((DRAWS, len(made.data)))
    for term in made.spec.predictors[0].terms:
        declare = TERMS[term.kind].effects
        assert declare is not None
        for effect in declare(term.state):
            total = total + by_hand(effect, term.key, made)
    np.testing.assert_allclose(total, made.eta(made.data), rtol=1e-8, atol=1e-10)


def by_hand(effect: effects.Effect, key: str, made: Made) -> np.ndarray:
    """Return what a declared effect adds to the predictor ``(draw, obs)``, the population's intercept left out."""
    own = {name.removeprefix(f"{key}."): a for name, a in made.rows.arrays.items() if name.startswith(f"{key}.")}
    rows = effect.rows
    if isinstance(rows, effects.Shift):
        return own[rows.array][None]
    matrix = own[rows.array] if rows.array is not None else np.zeros((len(made.data), 0))
    if not isinstance(rows, effects.Columns) and rows.intercept:
        matrix = np.column_stack([np.ones(len(made.data)), matrix])
    found = np.zeros((DRAWS, len(made.data)))
    for piece in effect.pieces:
        columns, value = matrix[:, piece.start : piece.stop], made.draws[quantity_name(piece.slot)]
        if isinstance(rows, effects.Columns):
            found += value.reshape(DRAWS, piece.size) @ columns.T
            continue
        by_level = value.reshape(DRAWS, piece.size, len(rows.labels))
        shares = rows.incidence(own).toarray()
        found += np.einsum("dkl,ol,ok->do", by_level, shares, columns)
    return found


def engines_that_integrate_agree_or_refuse(name: str) -> None:
    made = Made(name)
    if any(TERMS[t.kind].effects is None for t in made.spec.predictors[0].terms):
        apart = made.what == "mean"
        reason = "adds to each threshold" if apart else "is not linear in its coefficients"
        with pytest.raises(FitError, match=reason):
            made.model.fit("laplace_marginal" if apart else "collapsed", progress=False)
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
    it_is_the_same_on_arrays_as_in_the_graph,
    what_it_declares_linear_is_its_predictor,
    engines_that_integrate_agree_or_refuse,
    matrices_it_was_given_make_the_same_model,
)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", TERMS)
def test_law(name: str, law: Any) -> None:
    law(name)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_laws_of_a_visitor(worked: dict[str, Any], law: Any) -> None:
    law(worked["TERM"].name)

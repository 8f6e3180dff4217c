"""Any term that passes on what it is given can be summed, whatever it is called; one that computes with rows is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import bayesdeep as bd
from bayesdeep.core import registry
from bayesdeep.core.columns import LearnedColumns, TermColumns
from bayesdeep.core.effects import Columns, Effect, Given, Piece, Shift
from bayesdeep.core.priors import Slot
from bayesdeep.core.records import Default
from bayesdeep.core.terms import Term
from bayesdeep.stream.stand_ins import StandIn

from .test_learn import assert_same_moments, assert_same_spec, cut, frame, in_memory, streamed


def numbers(name: str, arrays: Callable[[Any, Any, Any], dict[str, Any]]) -> Term:
    """Return a term ``name(x)`` of one numeric column with a coefficient of its own."""

    def learn(node: Any, context: Any) -> Any:
        learned = context.learn_columns(True, (tuple(node.arguments),))
        terms = [[t.name, t.start, t.stop, None, t.kind] for t in learned.terms]
        return {"terms": terms, "means": list(learned.means), "sds": list(learned.sds), "state": learned.state}

    def slots(state: Any, spread: float) -> tuple[Slot, ...]:
        return (Slot(name, "real", Default(f"Normal(0, {spread:.4g})", "own"), "coefficient"),)

    def effects(state: Any) -> tuple[Effect, ...]:
        rows = Columns("own", tuple(state["means"]), tuple(state["sds"]))
        return (Effect(rows, Given(), (Piece(name, 0, 1),)),)

    return Term(name, learn, arrays, slots, words=lambda s: frozenset({"linear"}), call=True, effects=effects)


def design(state: Any, node: Any, context: Any) -> dict[str, Any]:
    terms = tuple(TermColumns(*each) for each in state["terms"])
    columns = LearnedColumns(True, terms, tuple(state["means"]), tuple(state["sds"]), state["state"])
    return {"own": context.design_matrix(columns, (tuple(node.arguments),))}


def centred(state: Any, node: Any, context: Any) -> dict[str, Any]:
    return {"own": design(state, node, context)["own"] - np.asarray(state["means"])}


def shift(name: str, arrays: Callable[[Any, Any, Any], dict[str, Any]]) -> Term:
    """Return a term ``name(x)`` that is added as it is."""
    return Term(
        name, lambda node, context: {}, arrays, lambda s, spread: (), words=lambda s: frozenset({"linear"}), call=True,
        effects=lambda s: (Effect(Shift("own"), Given()),),
    )  # fmt: skip


def join(monkeypatch: pytest.MonkeyPatch, term: Term) -> None:
    monkeypatch.setattr(registry.TERMS, "_added", {**registry.TERMS._added, term.name: term})


@pytest.mark.parametrize("formula", ["y ~ line(x)", "y ~ z + line(x) + (1 + z | g)", "y ~ 0 + a + line(z)"])
def test_a_linear_term_joins_by_itself(monkeypatch: pytest.MonkeyPatch, formula: str) -> None:
    join(monkeypatch, numbers("line", design))
    d = frame(150)
    found = streamed(formula, cut(pa.Table.from_pandas(d), (7, 60)))
    spec, moments = in_memory(formula, d, found.centre)
    assert_same_spec(found.spec, spec)
    assert_same_moments(found.moments, moments)


def test_so_does_what_is_added_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    join(monkeypatch, shift("added", lambda s, node, context: {"own": context.values(node.arguments[0])}))
    d = frame(150)
    found = streamed("y ~ x + added(o) + offset(z) + (1 | g)", cut(pa.Table.from_pandas(d), (40,)))
    spec, moments = in_memory("y ~ x + added(o) + offset(z) + (1 | g)", d, found.centre)
    assert_same_spec(found.spec, spec)
    assert_same_moments(found.moments, moments)


@pytest.mark.parametrize(
    "term",
    [
        numbers("own", centred),
        shift("own", lambda s, node, context: {"own": 2 * context.values(node.arguments[0])}),
        shift("own", lambda s, node, context: {"own": np.exp(context.values(node.arguments[0]))}),
        shift("own", lambda s, node, context: {"own": context.values(node.arguments[0])[::-1]}),
        shift("own", lambda s, node, context: {"own": context.values(node.arguments[0]).astype(float)}),
        shift("own", lambda s, node, context: {"own": context.category(node.arguments[0]).codes}),
        shift("own", lambda s, node, context: {"own": context.levels((node.arguments[0],))}),
        shift("own", lambda s, node, context: {"own": context.array(node.arguments[0])}),
        shift("own", lambda s, node, context: {"own": np.asarray(context.values(node.arguments[0]))}),
    ],
)
def test_a_term_that_looks_at_rows_is_refused(monkeypatch: pytest.MonkeyPatch, term: Term) -> None:
    join(monkeypatch, term)
    with pytest.raises(bd.FormulaError, match=r"^formula 'y ~ z \+ own\(x\)': a term has to see all rows, and they stay on disk"):
        streamed("y ~ z + own(x)", cut(pa.Table.from_pandas(frame(50)), (50,)))


def test_a_term_that_makes_up_its_array_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    join(monkeypatch, shift("own", lambda s, node, context: {"own": np.ones(context.rows)}))
    with pytest.raises(bd.DataError, match=r"the term own\(x\) is not one that can be summed up"):
        streamed("y ~ z + own(x)", cut(pa.Table.from_pandas(frame(50)), (50,)))


def test_a_stand_in_has_no_rows() -> None:
    stand_in = StandIn("formula 'y ~ x'")
    for look in (len, list, np.sum, lambda a: np.concatenate([a, a]), lambda a: a.shape, lambda a: 1 - a):
        with pytest.raises(bd.FormulaError, match="a term has to see all rows"):
            look(stand_in)

"""Laws of every transform: the training rows twice are the same, what it learned is JSON, and labels count its columns."""

import json

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.core.columns import Transform
from bayesdeep.core.registry import TRANSFORMS
from bayesdeep.design.factors import factor_column, learn_factor
from bayesdeep.design.frame import read_frame
from bayesdeep.formula.nodes import Call
from bayesdeep.formula.parser import parse
from bayesdeep.formula.walk import _roots
from bayesdeep.results.rows import rows_of

from .examples import columns, example_of


@pytest.mark.parametrize("name", TRANSFORMS)
def test_learned_once_it_says_the_same_of_the_same_rows(name: str) -> None:
    text, data = example_of(TRANSFORMS[name], "function", name, "a call on x, z or g"), columns()
    assert TRANSFORMS[name].name == name
    assert text.startswith(f"{name}(")
    model = bd.Model(f"y ~ 0 + {text}", data)
    term = model.spec.predictors[0].terms[0]
    assert json.loads(json.dumps(term.state)) == term.state
    training = model.__dict__["_rows"].arrays[f"{term.key}.X"]
    again = rows_of(model.spec, read_frame(data), observed=False).arrays[f"{term.key}.X"]
    np.testing.assert_array_equal(training, again)
    order = np.random.default_rng(0).permutation(len(data))
    turned = rows_of(model.spec, read_frame(data.iloc[order]), observed=False).arrays[f"{term.key}.X"]
    np.testing.assert_allclose(turned, training[order], atol=1e-12)
    alone = rows_of(model.spec, read_frame(data.iloc[:2]), observed=False).arrays[f"{term.key}.X"]
    np.testing.assert_allclose(alone, training[:2], atol=1e-12)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_labels_count_its_columns_and_what_it_learned_is_json(name: str) -> None:
    plugin: Transform = TRANSFORMS[name]
    data = read_frame(columns())
    call = call_of(example_of(plugin, "function", name, "a call on x, z or g"))
    state = learn_factor(call, data, "formula 'f'")
    assert json.loads(json.dumps(state)) == state
    once, again = (factor_column(call, json.loads(json.dumps(state)), data, "formula 'f'") for _ in range(2))
    np.testing.assert_array_equal(once.values, again.values)
    if plugin.categorical:
        assert set(np.unique(once.values)) <= set(range(len(once.labels)))
    else:
        assert once.values.dtype == np.float64
        assert (once.labels is None) == (once.values.ndim == 1)
        assert once.labels is None or once.values.shape[1] == len(once.labels)


def call_of(text: str) -> Call:
    """Return a call's node as the parser makes it."""
    return next(node for node in _roots(parse(f"y ~ {text}")) if isinstance(node, Call))

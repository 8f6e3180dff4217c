"""Laws of every response function: read twice the same, a model's response for some family, told in mathematics."""

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import BayesdeepError
from bayesdeep.core.registry import FAMILIES, RESPONSES
from bayesdeep.graph.evaluate import array_mode
from bayesdeep.report.mathematics import equations

from .examples import columns, example_of


@pytest.mark.few(5)
@pytest.mark.parametrize("name", RESPONSES)
def test_some_family_takes_it(name: str) -> None:
    plugin = RESPONSES[name]
    assert plugin.name == name
    text = example_of(plugin, "response function", name, "a left side on y, upper, status, w, low, k, n, a, b")
    assert text.startswith(f"{name}(")
    made, refusals = [], []
    for family in FAMILIES:
        try:
            made.append(bd.Model(f"{text} ~ x", columns(), family=family))
        except BayesdeepError as error:
            refusals.append(str(error))
    assert all(text.startswith(("data", "formula")) for text in refusals), refusals
    assert made, f"no family takes the response '{text}': name a modifier that a family declares"
    model = made[0]
    assert np.isfinite(model.pymc.compile_logp(mode=array_mode())(model.pymc.initial_point()))
    assert equations(model.spec)
    one, two = (m.__dict__["_rows"].response for m in (model, bd.Model(f"{text} ~ x", columns(), family=model.spec.family)))
    for part in ("value", "trials", "status", "upper", "lower_bound", "upper_bound", "weights"):
        first, second = getattr(one, part), getattr(two, part)
        assert (first is None) == (second is None)
        if first is not None:
            np.testing.assert_array_equal(first, second)
            assert len(first) == len(columns())

"""What families write down of their rows is what follows from their distributions."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bayesdeep.core.links import LINKS
from bayesdeep.core.registry import FAMILIES
from bayesdeep.graph.row_likelihood import row_likelihood
from bayesdeep.numerics import lane_loops

WRITTEN = {name: family for name, family in FAMILIES.items() if family.row_terms is not None}
CASES = [
    (name, other)
    for name, family in WRITTEN.items()
    for other in (None, *(p.name for p in family.parameters[1:] if p.links))
]

ROUNDING = {"exgaussian": 1e-7, "tweedie": 1e-7, "com_poisson": 1e-7}
"""What double precision leaves of derivatives as PyTensor has them, of densities whose parts are large and cancel."""
NEAR = {"exgaussian"}
"""Families whose parts cancel that way by the square of how far their parameters are apart: these are kept nearer together."""


def values_of(family: Any, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return three values of each parameter but the first: ``(batch,)``, thresholds ``(batch, cut)``."""
    found = {}
    for parameter in family.parameters[1:]:
        if parameter.shape == "cut":
            steps = rng.uniform(0.2, 1.5, (3, len(family.example[parameter.name])))
            found[parameter.name] = np.cumsum(steps, axis=1) - 1.5
        elif parameter.shape == "shares":
            found[parameter.name] = rng.dirichlet(np.ones(len(parameter.labels)), 3)
        else:
            unit = np.array([0.1, 0.5, 0.93])
            own = {"unit": unit, "one_to_two": 1.0 + unit, "real": np.array([-2.0, 0.3, 6.0])}
            found[parameter.name] = own.get(parameter.support, np.array([0.4, 1.7, 30.0]))
    return found


@pytest.mark.few(24, more=99)
@pytest.mark.parametrize(("name", "other"), CASES)
def test_rows_in_numpy_are_those_of_the_distribution(
    name: str, other: str | None, of_family: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under every link that is written down, also where a parameter has a formula."""
    family, response = FAMILIES[name], of_family(name).__dict__["_rows"].response
    assert family.row_terms is not None
    links = [link for link in family.main.links if family.row_terms(response, link) is not None]
    assert family.main.links[0] in links, "nothing is written down under the usual link"
    for link in links:
        check(name, link, other, of_family(name), monkeypatch)


def check(name: str, link: str, other: str | None, model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Value and both derivatives by every predictor, with weights and without."""
    rng, rows, spec = np.random.default_rng(1), model.__dict__["_rows"], model.spec
    family = FAMILIES[spec.family]
    predictors = (replace(spec.predictors[0], link=link),)
    if other is not None:
        own = family.parameter(other)
        assert own is not None
        predictors = (*predictors, replace(spec.predictors[0], parameter=other, link=own.links[0]))
    spec = replace(spec, predictors=predictors)
    response = rows.response
    written = row_likelihood(spec, rows.arrays, response)
    assert written.slopes is not None
    with monkeypatch.context() as patch:
        patch.setitem(FAMILIES._loaded, spec.family, replace(FAMILIES[spec.family], row_terms=None))
        derived = row_likelihood(spec, rows.arrays, response)
    assert derived.slopes is None
    assert written.parameters == derived.parameters
    values = {p: v for p, v in values_of(family, rng).items() if p != other}
    if name in NEAR:
        values = {p: np.minimum(v, 3.0) for p, v in values.items()}
    eta = rng.normal(0, 0.7 if name in NEAR else 2.5, (rows.rows * len(predictors), 3))
    if other is not None and getattr(family.parameter(other), "fixed", None) is not None:
        # Farther out PyTensor's second derivatives lose their digits.
        eta[: rows.rows] *= 0.5
        eta[rows.rows :] *= 0.1
    by_hand = derived.derivatives(eta, values)
    with monkeypatch.context() as patch:
        for _ in ("as this machine does it", "in NumPy"):
            for mine, theirs in zip(written.derivatives(eta, values), by_hand, strict=True):
                np.testing.assert_allclose(mine, theirs, rtol=1e-8, atol=ROUNDING.get(name, 1e-10))
            np.testing.assert_allclose(written.value(eta, values), by_hand[0], rtol=1e-8, atol=1e-10)
            patch.setattr(lane_loops, "lane_loops", lambda: None)
    weights = rng.uniform(0.5, 2, rows.rows)
    weighted = row_likelihood(spec, rows.arrays, response.with_(weights=weights))
    each = np.tile(weights, len(predictors))[:, None]
    both = zip(weighted.with_slopes(eta, values), written.with_slopes(eta, values), strict=True)
    for (mine, theirs), times in zip(both, (weights[:, None], each), strict=True):
        np.testing.assert_allclose(mine, times * theirs, rtol=1e-12)


@pytest.mark.parametrize("name", [name for name, link in LINKS.items() if link.on_arrays is not None])
def test_inverses_on_arrays_are_the_links(name: str) -> None:
    """Their derivatives are those of the inverse, by differences."""
    import pytensor
    import pytensor.tensor as pt

    link, eta = LINKS[name], np.array([-30.0, -3.0, -0.2, 0.0, 0.7, 4.0, 20.0])
    value, slope, bend = link.on_arrays(eta)  # type: ignore[misc]
    x = pt.vector()
    inverse = link.inverse(x)
    first = pt.grad(inverse.sum(), x)
    second = pt.grad(first.sum(), x, disconnected_inputs="ignore")
    for mine, theirs in zip((value, slope, bend), pytensor.function([x], [inverse, first, second])(eta), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-14)

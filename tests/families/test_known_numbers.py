"""A parameter that is a known number is the model in which a column has that number in every row."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd


def model_of(value: str | float) -> bd.Model:
    rng = np.random.default_rng(0)
    x = rng.normal(size=40)
    data = pd.DataFrame({"x": x, "y": x + rng.standard_t(8, size=40), "eight": 8.0})
    return bd.Model("y ~ x", data, "student_t", nu=bd.known(value))


def test_what_families_make_of_a_known_number_is_made_of_a_tensor() -> None:
    model = model_of(8.0)
    rows = model.__dict__["_rows"]
    (response,) = rows.graph(model.spec).responses
    assert response.variance is not None


@pytest.mark.integration
@pytest.mark.parametrize("method", ["ml", "map", "laplace", "transport", "nuts", "pathfinder", "laplace_marginal", "advi"])
def test_a_known_number_is_a_column_of_it(method: str) -> None:
    settings = {} if method in ("map", "ml") else {"draws": 50}
    fits = [model_of(value).fit(method, seed=1, progress=False, **settings) for value in (8.0, "eight")]
    first, second = (fit.posterior["x"].to_numpy() for fit in fits)
    if method == "nuts":  # trajectories of the two programs part after rounding
        assert abs(first.mean() - second.mean()) < 0.5 * first.std()
    else:
        np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-6)
    one, other = (fit.predict(pd.DataFrame({"x": [0.5], "eight": 8.0}), seed=1)["sd"].iloc[0] for fit in fits)
    assert one == pytest.approx(other, rel=0.1)
    sigma = fits[0].posterior["sigma"].to_numpy()
    assert one == pytest.approx(np.sqrt(np.mean(sigma**2) * 8 / 6 + first.var()), rel=0.15)

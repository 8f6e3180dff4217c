"""Codings of categories: least squares on the contrasts by hand, labels that say the coding, new rows and levels."""

import json

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.report.mathematics import equations

RNG = np.random.default_rng(8)
DATA = pd.DataFrame({"y": RNG.normal(size=80), "x": RNG.normal(size=80), "g": RNG.choice(list("abcd"), 80)})
LEVELS = np.array(list("abcd"))
# R: contr.sum(4), contr.helmert(4), contr.treatment(4, base = 2).
SUM = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, -1, -1]]
HELMERT = [[-1, -1, -1], [1, -1, -1], [0, 2, -1], [0, 0, 3]]
TREATMENT = [[1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1]]
CODED = {
    "C(g, Sum)": (SUM, ["S.a", "S.b", "S.c"]),
    "C(g, Helmert)": (HELMERT, ["H.b", "H.c", "H.d"]),
    'C(g, Treatment("b"))': (TREATMENT, ["a", "c", "d"]),
    'C(g, Treatment(reference="b"))': (TREATMENT, ["a", "c", "d"]),
    "C(g, Treatment)": (np.eye(4)[:, 1:], ["b", "c", "d"]),
}


@pytest.mark.parametrize("text", CODED)
def test_maximum_likelihood_is_least_squares_on_the_contrasts(text):
    matrix, labels = CODED[text]
    rows = np.array(matrix, float)[np.searchsorted(LEVELS, DATA["g"])]
    x = DATA["x"].to_numpy()
    for formula, columns, names in (
        (f"y ~ {text}", [rows], [f"{text}[{label}]" for label in labels]),
        (f"y ~ x + {text} + x:{text}", [x, rows, x[:, None] * rows], None),
    ):
        design = np.column_stack([np.ones(80), *columns])
        expected, *_ = np.linalg.lstsq(design, DATA["y"].to_numpy(), rcond=None)
        found = bd.Model(formula, DATA).fit("ml").summary(round_to=12)["estimate"].drop("sigma")
        np.testing.assert_allclose(found.to_numpy(float), expected, atol=1e-7)
        assert names is None or list(found.index[1:]) == names


def test_it_is_kept_for_new_rows_and_refuses_a_new_level_by_name():
    model = bd.Model("y ~ C(g, Sum) + (C(g, Helmert) | x2)", DATA.assign(x2=RNG.integers(0, 5, 80).astype(str)))
    state = model.spec.predictors[0].terms[0].state
    assert json.loads(json.dumps(state)) == state
    assert equations(model.spec)
    fit = bd.Model("y ~ C(g, Sum)", DATA).fit(seed=1, draws=50)
    means = fit.predict({"g": list("abcd")})["mean"].to_numpy()
    draws = fit.summary(round_to=12)["mean"]
    np.testing.assert_allclose(means[:3], draws["Intercept"] + draws.iloc[1:4].to_numpy(), atol=1e-6)
    np.testing.assert_allclose(means.mean(), draws["Intercept"], atol=1e-6)
    with pytest.raises(DataError, match="column 'g' has level 'e' that the model was not fitted to"):
        fit.predict({"g": ["a", "e"]})


@pytest.mark.parametrize("text", ["C(g, 3)", 'C(g, Sum("a"))', 'C(g, Treatment("z"))', "C(g, Sum, reference='a')"])
def test_what_is_no_coding_is_refused(text):
    with pytest.raises(FormulaError) as caught:
        bd.Model(f"y ~ {text}", DATA)
    assert str(caught.value).startswith(f"formula 'y ~ {text}': ")

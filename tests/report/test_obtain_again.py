"""The call that a report prints makes the model again."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.report.document import Code
from bayesdeep.report.section import Subject
from bayesdeep.report.sections.reproduce import SECTION

RNG = np.random.default_rng(3)
LEVELS = ["a", "b", "c", "d"]
A = pd.DataFrame(0.5 ** np.abs(np.subtract.outer(range(4), range(4))), LEVELS, LEVELS)
DATA = pd.DataFrame({"x": RNG.normal(size=60), "z": RNG.normal(size=60), "g": RNG.choice(LEVELS, 60)})
DATA["y"] = DATA.x + RNG.normal(size=60)


@pytest.mark.parametrize(
    ("formula", "options"),
    [
        ("y ~ x + z + (1 | g)", {"priors": {"R2": "R2D2(mean=0.4, precision=3)"}}),
        ("y ~ x + (1 | gr(g, cov=A))", {"arrays": {"A": A}, "priors": {"x": "Normal(0, 1.23456789)"}}),
    ],
)
def test_joint_priors_and_matrices_are_in_the_call(formula, options):
    model = bd.Model(formula, DATA, **options)
    fit = model.fit("collapsed", seed=1, draws=20, chains=2, progress=False)
    call = next(b.text for b in SECTION.blocks(Subject({"m": fit}, None, "m")) if isinstance(b, Code))
    again = eval(call.splitlines()[1].split(".fit(")[0], {"bd": bd, "data": DATA, "A": A})
    assert again.spec == model.spec

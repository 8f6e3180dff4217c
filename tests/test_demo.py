"""The demo compares models that know the same columns: what differs is what they make of them."""

import bayesdeep as bd
from bayesdeep.demo import PLANS


def test_every_model_knows_floor_and_uranium():
    data = bd.load_dataset("radon")
    assert (data.groupby("county")["log_uranium"].nunique() == 1).all()
    for plan in PLANS:
        read = set(bd.Model(plan.formula, data, priors=plan.priors or None).__dict__["_rows"].columns)
        # A level for each county says all that a column of one value a county can say.
        own_levels = "0 + county" in plan.formula
        assert read - {"county", "log_radon"} == {"floor"} | (set() if own_levels else {"log_uranium"}), plan.name

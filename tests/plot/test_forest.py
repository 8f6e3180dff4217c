"""Pictures of estimates with intervals."""

import numpy as np
import pandas as pd
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import FitError


def test_differences_of_a_comparison_are_those_of_its_table() -> None:
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.normal(size=60)}).assign(y=lambda d: d.x + rng.normal(size=60))
    fits = {f: bd.Model(f, data).fit(seed=1, progress=False, draws=100) for f in ("y ~ x", "y ~ 1")}
    comparison = bd.compare(fits, progress=False)
    first, second = (bd.plot.elpd_differences(given) for given in (comparison, comparison.table))
    for figure in (first, second):
        (lines, *_), (other, best) = figure.axes[0].collections, figure.axes[0].lines[-2:]
        behind, error = -comparison.table["elpd_diff"].abs().iloc[1], comparison.table["dse"].iloc[1]
        np.testing.assert_allclose(lines.get_segments()[0][:, 0], [behind - 2 * error, behind + 2 * error])
        assert other.get_xdata()[0] == pytest.approx(behind)
        assert best.get_xdata()[0] == 0.0


@pytest.mark.parametrize("given", [3, pd.DataFrame({"elpd": [1.0]})])
def test_anything_else_is_refused(given: object) -> None:
    with pytest.raises(FitError, match=r"wants what bd.compare returned.*'dse'"):
        bd.plot.elpd_differences(given)

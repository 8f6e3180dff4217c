"""Missing and infinite values."""

import numpy as np
import pandas as pd
import pytest

from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.design.frame import read_frame
from bayesdeep.design.missing import check_missing

DATA = {
    "sex": ["m", None, None, "f", None],
    "mass": [1.0, None, 2.0, 3.0, np.nan],
    "x": [1, 2, 3, 4, 5],
    "bad": [1.0, np.inf, -np.inf, 0.0, None],
}


def test_missing_values_are_counted_by_column():
    with pytest.raises(DataError) as raised:
        check_missing(read_frame(DATA), ["mass", "x", "sex", "mass"])
    assert str(raised.value) == (
        'data: 3 of 5 rows have missing values: sex 3, mass 2; pass missing="drop" to leave these rows out'
    )


def test_rows_are_left_out_on_request():
    data = pd.DataFrame(DATA, index=list("abcde"))
    frame, dropped, notice = check_missing(read_frame(data), ["sex", "mass"], "drop")
    assert dropped == 3
    assert notice == "left out 3 of 5 rows with missing values: sex 3, mass 2"
    assert frame.rows == 2
    assert list(frame.index) == ["a", "d"]
    assert frame.columns["x"].values.tolist() == [1, 4]
    assert check_missing(frame, ["sex", "mass"]) == (frame, 0, "")


def test_columns_that_are_not_used_do_not_matter():
    frame = read_frame(DATA)
    assert check_missing(frame, ["x"]) == (frame, 0, "")


def test_errors():
    frame = read_frame(DATA)
    with pytest.raises(DataError, match=r"^data: 2 of 5 rows have infinite values: bad 2$"):
        check_missing(frame, ["bad", "x"], "drop")
    with pytest.raises(DataError, match="missing='drp' is unknown; did you mean 'drop'"):
        check_missing(frame, ["x"], "drp")
    with pytest.raises(FormulaError, match=r"^formula 'y ~ mas': no column 'mas' in the data; did you mean 'mass'"):
        check_missing(frame, ["mas"], where="formula 'y ~ mas'")
    with pytest.raises(DataError, match="every row has missing values: x 2"):
        check_missing(read_frame({"x": [None, None]}), ["x"], "drop")

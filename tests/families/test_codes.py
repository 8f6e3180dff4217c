"""What families make of a response: good values are coded, bad ones refused with the row and what would be right."""

import re

import numpy as np
import pytest

import bayesdeep as bd
from bayesdeep.core.errors import DataError
from bayesdeep.core.links import LINKS
from bayesdeep.core.records import Response
from bayesdeep.core.registry import FAMILIES
from bayesdeep.spec.prior_text import read_prior
from bayesdeep.spec.slots import prior_median


def response(*values, **fields):
    return Response("y", np.array(values), **fields)


def labelled(codes, levels, ordered=False):
    return Response("y", np.array(codes, dtype=np.int64), levels=tuple(levels), ordered=ordered)


def counts(rows, levels=("a", "b", "c")):
    return Response("a", np.array(rows), levels=levels)


TEXT = labelled([0, 1, 0], ["low", "no"])
REAL = (
    [(response(1.5, -2.0, 0.0), [1.5, -2.0, 0.0]), (response(1, 2), [1.0, 2.0])],
    [
        (TEXT, "needs numbers; it holds 'low', 'no'"),
        (response(1.0, np.inf), "row 2 is inf"),
        (counts([[1.0, 2.0, 3.0]]), "several columns"),
    ],
)
ABOVE = (
    [(response(0.1, 3.0), [0.1, 3.0]), (response(2.0, 1.0, status=np.array([0, 1])), [2.0, 1.0])],
    [
        (response(1.0, 0.0), "needs numbers above 0; row 2 is 0"),
        (response(-2.0, 1.0, -1.0), re.escape("row 1 is -2 (1 more like it)")),
        (response(1.0, 0.0, status=np.array([0, 1])), "right-censored.*leave the row out"),
        (response(1.0, 0.0, status=np.array([0, -1])), "left-censored.*no value can lie below"),
        (response(1.0, 0.0, status=np.array([0, 2])), "write it as left-censored"),
        (TEXT, "needs numbers"),
    ],
)
COUNTS = (
    [(response(0.0, 3.0), [0, 3]), (response(5, 0, 2), [5, 0, 2])],
    [
        (response(0.0, 2.0, 1.5), "needs counts 0, 1, 2, …; row 3 is 1.5"),
        (response(0, -2), "row 2 is -2"),
        (TEXT, "needs counts"),
    ],
)
TRIALS = (
    [(response(0, 3, 5, trials=np.array([1, 3, 9])), [0, 3, 5])],
    [
        (response(0, 3), re.escape("write prop(k, n) ~ …")),
        (response(0, 3, trials=np.array([2, 2])), "row 2 is 3; which is more than its trials"),
        (response(0.0, 1.5, trials=np.array([2, 2])), "row 2 is 1.5"),
    ],
)
AMOUNT = (
    [(response(0.0, 2.5), [0.0, 2.5]), (response(0.0, 1.0, status=np.array([1, -1])), [0.0, 1.0])],
    [(response(0.0, -0.1), "numbers that are 0 or above; row 2 is -0.1; .*'gaussian'"), (TEXT, "numbers that are 0 or above")],
)
ENDS = (
    [(response(0.0, 0.3, 1.0), [0.0, 0.3, 1.0]), (response(0, 1, 1), [0.0, 1.0, 1.0])],
    [(response(0.5, 40.0), "numbers from 0 to 1; row 2 is 40; .*percentages"), (response(0.5, -0.1), "row 2 is -0.1")],
)
TABLES = (
    [(counts([[1.0, 0.0, 2.0], [0.0, 0.0, 0.0]]), [[1, 0, 2], [0, 0, 0]])],
    [
        (response(1, 2), re.escape("write c(first, second, third) ~ …")),
        (counts([[1.0, 0.5, 2.0]]), "row 1 of 'b' is 0.5"),
        (counts([[1, 0, 2], [1, 0, -2]]), "row 2 of 'c' is -2"),
    ],
)
TABLE = {
    "gaussian": REAL,
    "student_t": REAL,
    "asymmetric_laplace": REAL,
    "laplace": REAL,
    "exgaussian": REAL,
    "skew_normal": REAL,
    "gev": REAL,
    "log_logistic": ABOVE,
    "shifted_lognormal": ABOVE,
    "tweedie": (
        [(response(0.0, 2.5), [0.0, 2.5])],
        [
            (response(0.0, -0.1), "0 or above; row 2 is -0.1; .*'gaussian'"),
            (TEXT, "numbers that are 0 or above"),
        ],
    ),
    "von_mises": (
        [(response(-3.1, 0.0, np.pi), [-3.1, 0.0, np.pi])],
        [
            (response(0.5, 200.0), "radians, from -pi to pi; row 2 is 200; degrees times pi / 180"),
            (response(0.5, 6.2), "row 2 is 6.2; take 2 pi off"),
            (TEXT, "needs angles"),
        ],
    ),
    "lognormal": ABOVE,
    "gamma": ABOVE,
    "inverse_gaussian": ABOVE,
    "exponential": ABOVE,
    "weibull": ABOVE,
    "tobit": (
        [(response(0.0, 2.5), [0.0, 2.5])],
        [(response(0.0, -0.1), "numbers that are 0 or above; row 2 is -0.1"), (TEXT, "numbers that are 0 or above")],
    ),
    "beta": (
        [(response(0.01, 0.99), [0.01, 0.99])],
        [
            (response(0.5, 1.0), "row 2 is 1; .*Smithson"),
            (response(0.0, 0.5), "row 1 is 0"),
            (response(1.2, 0.5), "row 1 is 1.2"),
        ],
    ),
    "hurdle_gamma": AMOUNT,
    "hurdle_lognormal": AMOUNT,
    "zero_inflated_beta": (
        [(response(0.01, 0.0, 0.99), [0.01, 0.0, 0.99])],
        [(response(0.5, 1.0), "row 2 is 1; 'zero_one_inflated_beta' and 'ordered_beta'"), (response(0.5, -0.1), "row 2 is -0.1")],
    ),
    "zero_one_inflated_beta": ENDS,
    "ordered_beta": ENDS,
    "dirichlet": (
        [(counts([[0.2, 0.5, 0.3], [0.7, 0.1, 0.2]]), [[0.2, 0.5, 0.3], [0.7, 0.1, 0.2]])],
        [(response(0.5, 0.5), re.escape("write c(first, second, third) ~ …")), (counts([[0.2, 0.5, 0.2]]), "row 1 sums to 0.9")],
    ),
    "bernoulli": (
        [
            (response(0, 1, 1), [0, 1, 1]),
            (response(1.0, 1.0), [1, 1]),
            (response(-1, 1, -1), [0, 1, 0]),
            (labelled([1, 0], [False, True]), [1, 0]),
            (labelled([1, 1], [False, True]), [1, 1]),
            (labelled([2, 0, 2], ["no", "never", "yes"]), [1, 0, 1]),
        ],
        [
            (response(0, 2), "row 2 is 2"),
            (response(0, 1, -1), "row 1 is 0"),
            (labelled([0, 1, 2], ["a", "b", "c"]), "it has 3 .*categorical"),
            (labelled([0, 0], ["yes"]), "it only has 'yes'; write the response as 0/1"),
        ],
    ),
    "binomial": TRIALS,
    "poisson": COUNTS,
    "negative_binomial": COUNTS,
    "zero_inflated_poisson": COUNTS,
    "hurdle_poisson": COUNTS,
    **dict.fromkeys(("zero_inflated_negative_binomial", "hurdle_negative_binomial"), COUNTS),
    **dict.fromkeys(("generalized_poisson", "com_poisson"), COUNTS),
    **dict.fromkeys(("beta_binomial", "zero_inflated_binomial"), TRIALS),
    "categorical": (
        [
            (labelled([0, 2, 1], ["a", "b", "c"]), [0, 2, 1]),
            (labelled([0, 2, 2], ["a", "b", "c"]), [0, 1, 1]),
            (response(7, 3, 5), [2, 0, 1]),
            (labelled([1, 0], [False, True]), [1, 0]),
        ],
        [
            (response(1.5, 2.0), "row 1 is 1.5"),
            (labelled([0, 0], ["only"]), "it only has one .'only'"),
            (labelled([0, -1], ["a", "b"]), "row 2 is -1"),
        ],
    ),
    "multinomial": TABLES,
    "dirichlet_multinomial": TABLES,
    "cumulative": (
        [
            (labelled([2, 0, 1], ["low", "mid", "high"], ordered=True), [2, 0, 1]),
            (labelled([2, 0, 2], ["low", "mid", "high"], ordered=True), [2, 0, 2]),
            (response(3.0, 1.0, 5.0), [1, 0, 2]),
            (labelled([0, 1, 2], ["1", "10", "2"]), [0, 2, 1]),
        ],
        [
            (labelled([0, 1, 2], ["high", "low", "mid"]), "have no order; declare it"),
            (response(1.0, 2.5), "row 2 is 2.5"),
            (response(3, 3), "it only has one"),
        ],
    ),
}
GOOD = [(name, given, codes) for name, (good, _) in TABLE.items() for given, codes in good]
BAD = [(name, given, text) for name, (_, bad) in TABLE.items() for given, text in bad]


@pytest.mark.parametrize(("name", "given", "codes"), GOOD)
def test_good_values_are_coded(name, given, codes):
    coded = FAMILIES[name].code(given)
    np.testing.assert_array_equal(coded.value, codes)
    assert coded.value.dtype == (np.int64 if "discrete" in FAMILIES[name].words else np.float64)
    np.testing.assert_array_equal(FAMILIES[name].code(coded).value, codes)
    if "levels" in FAMILIES[name].words:
        assert coded.levels


@pytest.mark.parametrize(("name", "given", "text"), BAD)
def test_bad_values_are_refused(name, given, text):
    with pytest.raises(DataError, match=text) as caught:
        FAMILIES[name].code(given)
    assert str(caught.value).startswith(f"data: column '{given.name}': {name} needs")


def test_labels_survive_coding():
    assert FAMILIES["bernoulli"].code(labelled([2, 0, 2], ["no", "never", "yes"])).levels == ("no", "yes")
    assert FAMILIES["bernoulli"].code(response(-1, 1)).levels == (-1, 1)
    assert FAMILIES["bernoulli"].code(response(0, 1)).levels is None
    assert FAMILIES["categorical"].code(labelled([0, 2, 2], ["a", "b", "c"])).levels == ("a", "c")
    assert FAMILIES["cumulative"].code(response(3.0, 1.0, 5.0)).levels == (1, 3, 5)
    assert FAMILIES["cumulative"].code(labelled([0, 1, 2], ["1", "10", "2"])).levels == ("1", "2", "10")
    kept = labelled([2, 0, 2], ["low", "mid", "high"], ordered=True)
    assert FAMILIES["cumulative"].code(kept).levels == ("low", "mid", "high")
    np.testing.assert_array_equal(FAMILIES["multinomial"].code(counts([[1, 0, 2]])).trials, [3])


def test_bounds_of_censored_counts_need_not_be_whole():
    coded = FAMILIES["poisson"].code(response(1.0, 2.5, status=np.array([0, 1])))
    np.testing.assert_array_equal(coded.value, [1.0, 2.5])
    with pytest.raises(DataError, match=r"row 2 is 2\.5"):
        FAMILIES["poisson"].code(response(1.0, 2.5, status=np.array([1, 0])))


def first_good(name, of_family):
    if name in TABLE:
        return FAMILIES[name].code(TABLE[name][0][0][0])
    return of_family(name).__dict__["_rows"].response


@pytest.mark.parametrize("name", FAMILIES)
def test_scales_and_default_priors_are_usable_numbers_for_every_link(name, of_family):
    family = FAMILIES[name]
    constant = first_good(name, of_family).with_(value=np.repeat(first_good(name, of_family).value[-1:], 4, axis=0))
    if constant.trials is not None:
        constant = constant.with_(trials=np.repeat(constant.trials[-1:], 4))
    for data in (first_good(name, of_family), constant):
        for link in family.main.links:
            location, spread = family.scale(data, LINKS[link])
            assert np.isfinite(location), link
            assert 0 < spread < np.inf, link
            for parameter in (p for p in family.parameters[1:] if not p.follows and p.fixed is None):
                default = parameter.prior(data, LINKS[link])
                prior = read_prior(default.text, "prior")
                assert str(prior)
                assert default.reason
                for auxiliary in parameter.links:
                    assert np.isfinite(LINKS[auxiliary].forward(prior_median(prior)))


def test_scale_uses_values_and_not_bounds_and_counts_weights_as_rows():
    family, identity = FAMILIES["gaussian"], LINKS["identity"]
    plain = response(1.0, 2.0, 4.0)
    mixed = response(1.0, 2.0, 4.0, 900.0, status=np.array([0, 0, 0, 1]), upper=np.array([1.0, 2.0, 4.0, 900.0]))
    assert family.scale(mixed, identity) == family.scale(plain, identity)
    np.testing.assert_allclose(family.scale(plain, identity), (7 / 3, np.std([1, 2, 4])))
    intervals = response(1.0, 3.0, status=np.array([2, 2]), upper=np.array([2.0, 5.0]))
    np.testing.assert_allclose(family.scale(intervals, identity), (2.75, 1.25))
    weighted = response(1.0, 2.0, weights=np.array([2.0, 1.0]))
    np.testing.assert_allclose(family.scale(weighted, identity), family.scale(response(1.0, 1.0, 2.0), identity))
    bounded = plain.with_(upper_bound=np.full(3, 1e6))
    assert family.scale(bounded, identity) == family.scale(plain, identity)


def test_scales_are_those_documented():
    skewed = response(1.0, 2.0, 4.0, 100.0)
    np.testing.assert_allclose(FAMILIES["student_t"].scale(skewed, LINKS["identity"]), (3.0, 1.4826 * 1.5))
    np.testing.assert_allclose(FAMILIES["poisson"].scale(response(1, 3), LINKS["log"]), (np.log(2), 1.0))
    np.testing.assert_allclose(FAMILIES["gamma"].scale(response(1.0, 3.0), LINKS["inverse"]), (0.5, 0.5))
    np.testing.assert_allclose(FAMILIES["bernoulli"].scale(response(0, 1), LINKS["logit"]), (0.0, 1.0))
    logs = FAMILIES["lognormal"].scale(response(1.0, np.e), LINKS["identity"])
    np.testing.assert_allclose(logs, (0.5, 0.5))
    assert FAMILIES["gaussian"].scale(response(3.0, 3.0), LINKS["identity"]) == (3.0, 1.0)
    assert FAMILIES["gaussian"].parameters[1].prior(response(1.0, 3.0), LINKS["identity"]).text == "HalfStudentT(4, 1)"


COLUMNS = {name for name in FAMILIES if "several_columns" in FAMILIES[name].words}
BOUNDED = {name for name in FAMILIES if np.isfinite(FAMILIES[name].support[1]) and name not in COLUMNS}
CENSORED = [name for name in FAMILIES if "censored" in FAMILIES[name].modifiers]
INTERVAL = np.array([0, 2])


@pytest.mark.parametrize("name", CENSORED)
def test_an_interval_has_a_width_or_holds_a_count(name):
    point = response(1.0, 2.0, status=INTERVAL, upper=np.array([1.0, 2.0]))
    if "discrete" in FAMILIES[name].words:
        assert FAMILIES[name].code(point).value.tolist() == [1, 2]
        point = response(1.0, 2.2, status=INTERVAL, upper=np.array([1.0, 2.8]))
    with pytest.raises(DataError, match=f"{name} needs intervals .*row 2"):
        FAMILIES[name].code(point)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e200])
@pytest.mark.parametrize("name", [name for name in FAMILIES if "levels" not in FAMILIES[name].words and name not in COLUMNS])
def test_what_is_no_number_or_no_count_is_refused_by_name(name, value):
    if value == 1e200 and "discrete" not in FAMILIES[name].words and name not in BOUNDED:
        return  # a model of such numbers is refused, not a new row
    with pytest.raises(DataError, match=f"column 'y': {name} needs .*row 2 is"):
        FAMILIES[name].code(response(1.0 if "discrete" in FAMILIES[name].words else 0.5, value, trials=np.array([3, 3])))


@pytest.mark.parametrize("name", [n for n in FAMILIES if "discrete" not in FAMILIES[n].words and n not in COLUMNS])
@pytest.mark.parametrize("unit", [1e-320, 1e-160, 1e160])
def test_a_response_beyond_double_precision_is_refused(name, unit):
    if name in BOUNDED and unit > 1:
        return
    value = np.array([0.1, 0.5, 0.3]) * unit
    with pytest.raises(DataError, match=f"column 'y' has values .* as in I.y . 1e{-round(np.log10(value.max()))}"):
        bd.Model("y ~ x", {"y": value, "x": [1.0, 2.0, 4.0]}, family=name)


@pytest.mark.parametrize("unit", [1e-60, 1e60])
def test_other_units_are_as_good_as_any(unit):
    value = np.array([0.1, 0.5, 0.3, 0.2])
    one, other = (bd.Model("y ~ x", {"y": value * u, "x": [1.0, 2.0, 4.0, 3.0]}).fit(seed=1, progress=False) for u in (1.0, unit))
    assert float(other.posterior["x"].mean()) == pytest.approx(unit * float(one.posterior["x"].mean()), rel=1e-3)

"""Zero or not, and a gamma distribution if not."""

from bayesdeep.core.records import Family, Link, Parameter, Response
from bayesdeep.core.response_checks import zero_or_above
from bayesdeep.core.supports import POSITIVE

from . import _gamma_law, _hurdle, _hurdle_terms, _precision_terms, _row_laws, _row_terms
from ._scale import scale_mean

HU = "hu"
LAW = _hurdle.Law(
    ("mu", "alpha"),
    _gamma_law.density,
    _gamma_law.draw,
    _gamma_law.mean,
    _gamma_law.variance,
    1.0,
    _gamma_law.below,
    _gamma_law.above,
)


def code(response: Response) -> Response:
    """Return the response as float64; it must be 0 or above."""
    return zero_or_above(response, "hurdle_gamma", "numbers of either sign are 'gaussian' or 'student_t'")


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return location and spread of the mean of the values above 0."""
    return scale_mean(_hurdle.without(response, (0.0,), 1.0), link)


FAMILY = Family(
    name="hurdle_gamma",
    title="hurdle gamma distribution",
    aliases=("ZAGA", "ziGamma"),
    parameters=(
        Parameter("mu", ("log", "inverse", "softplus", "identity"), "positive"),
        Parameter("alpha", ("log", "softplus", "identity"), "positive", _gamma_law.ALPHA, elsewhere={"shape": "alpha"}),
        _hurdle.share(HU, {"zi": "hu", "psi": "1 - hu"}),
    ),
    code=code,
    support=POSITIVE,
    rv=_hurdle.rv("HurdleGamma", LAW, HU),
    mean=_hurdle.mean(LAW, HU),
    variance=_hurdle.variance(LAW, HU),
    row_terms=_hurdle_terms.of_others(_row_terms.of_gamma, HU),
    parameter_terms=_hurdle_terms.parameters_of_others(_precision_terms.alpha_of_gamma, HU),
    row_law=_row_laws.of_hurdle(_row_laws.of_gamma, HU),
    scale=scale,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    atoms=(0.0,),
    log_below=_hurdle.log_below(LAW, HU),
    log_survival=_hurdle.log_survival(LAW, HU),
    truncated_mean=_hurdle.truncated_mean(LAW, HU, _gamma_law.biased),
    example={"mu": 1.4, "alpha": 2.3, "hu": 0.3},
    density="P({y} = 0) = {hu}\nelse {y} ~ Gamma({alpha}, {alpha} / {mu})\n    shape and rate; the mean above 0 is {mu}",
    notes=(
        "hu is the probability of zero; mu and alpha are mean and shape of the gamma distribution above it, so that the mean of "
        "all is (1 - hu) mu."
    ),
)

"""Zero or not, and a number whose logarithm is normal if not."""

from bayesdeep.core.records import Default, Family, Link, Parameter, Response
from bayesdeep.core.response_checks import zero_or_above
from bayesdeep.core.supports import POSITIVE

from . import _hurdle, _hurdle_terms, _lognormal_law, _normal_terms, _row_laws

HU = "hu"
LAW = _hurdle.Law(
    ("mu", "sigma"),
    _lognormal_law.density,
    _lognormal_law.draw,
    _lognormal_law.mean,
    _lognormal_law.variance,
    1.0,
    _lognormal_law.below,
    _lognormal_law.above,
)


def code(response: Response) -> Response:
    """Return the response as float64; it must be 0 or above."""
    return zero_or_above(response, "hurdle_lognormal", "numbers of either sign are 'gaussian' or 'student_t'")


def scale(response: Response, link: Link) -> tuple[float, float]:
    """Return mean and standard deviation of the logarithm of the values above 0, on the link's scale."""
    return _lognormal_law.scale(_hurdle.without(response, (0.0,), 1.0), link)


def sigma(response: Response, link: Link) -> Default:
    """Return the prior of the standard deviation of the logarithm."""
    text = _lognormal_law.sigma(_hurdle.without(response, (0.0,), 1.0), link).text
    return Default(text, "sd of the logarithm of the values above 0")


FAMILY = Family(
    name="hurdle_lognormal",
    title="hurdle log-normal distribution",
    aliases=("hurdle_lnorm",),
    parameters=(
        Parameter("mu", ("identity", "tanh", "relu", "softplus")),
        Parameter("sigma", ("log", "softplus", "identity"), "positive", sigma),
        _hurdle.share(HU, {"zi": "hu", "psi": "1 - hu"}),
    ),
    code=code,
    support=POSITIVE,
    rv=_hurdle.rv("HurdleLogNormal", LAW, HU),
    mean=_hurdle.mean(LAW, HU),
    variance=_hurdle.variance(LAW, HU),
    row_terms=_hurdle_terms.of_others(_normal_terms.of_lognormal, HU),
    parameter_terms=_hurdle_terms.parameters_of_others(_normal_terms.sigma_of_lognormal, HU),
    row_law=_row_laws.of_hurdle(_row_laws.of_lognormal, HU),
    residual=lambda link: "sigma" if link == "identity" else None,
    scale=scale,
    modifiers=frozenset({"censored", "truncated", "weighted"}),
    atoms=(0.0,),
    log_below=_hurdle.log_below(LAW, HU),
    log_survival=_hurdle.log_survival(LAW, HU),
    truncated_mean=_hurdle.truncated_mean(LAW, HU, _lognormal_law.biased),
    example={"mu": 0.3, "sigma": 0.7, "hu": 0.3},
    density="P({y} = 0) = {hu}\nelse log {y} ~ Normal({mu}, {sigma})",
    notes=(
        "hu is the probability of zero; mu and sigma are mean and standard deviation of log y above it, so that the mean of all "
        "is (1 - hu) exp(mu + sigma^2 / 2)."
    ),
)

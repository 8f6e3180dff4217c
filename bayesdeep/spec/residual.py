"""The standard deviation that a response has about the main predictor, on the predictor's scale."""

from collections.abc import Mapping

import numpy as np

from bayesdeep.core.errors import FormulaError, PriorError
from bayesdeep.core.lazy import pt
from bayesdeep.core.links import find_link
from bayesdeep.core.priors import Known
from bayesdeep.core.records import Aux, Family, Response

STEPS, NEARLY = 50, 1e-10
"""Of the search for an intercept."""
SMALL = 1e-5
"""Step of the link's slope, a share of the mean."""


def residual_of(
    family: Family, link: str, response: Response, known: Mapping[str, Known], columns: Mapping[str, np.ndarray],
    modelled: frozenset[str], number: float | None, where: str,
) -> tuple[float | None, str]:
    """Return what a budget of variance is measured by, as a number, or None for a parameter of the family; and in words.

    It is what the family says; else the standard deviation of a normal response that would tell as much of the predictor as a
    row does at the intercept alone: one over the root of the mean expected information.

    Parameters
    ----------
    family, link
        The distribution and the main parameter's link.
    response
        The coded response.
    known, columns
        Parameters that are given, and the columns of them.
    modelled
        Parameters that have a formula.
    number
        What the user says it is; None where nobody does.
    where
        Begins error texts.

    Raises
    ------
    PriorError
        Where there are several predictors, where it is not one number for all rows, or not known.
    """
    if family.main.shape == "contrast":
        raise PriorError(
            f"{where}: a {family.name} response has a predictor for each level but one, and no one share of variance that terms "
            "explain; give priors to the terms one by one"
        )
    try:
        found, words = _found(family, link, response, known, columns, modelled, where)
    except PriorError:
        if number is None:
            raise
        found, words = None, ""
    if number is None or (found is not None and abs(number - found) <= NEARLY * number):
        return found, words
    return number, f"{number:.12g} (given)"


def _found(
    family: Family, link: str, response: Response, known: Mapping[str, Known], columns: Mapping[str, np.ndarray],
    modelled: frozenset[str], where: str,
) -> tuple[float | None, str]:
    said = None if family.residual is None else family.residual(link)
    scaled = next((p.name for p in family.parameters if p.fixed is not None and p.name in modelled | set(known)), None)
    if scaled is not None:
        raise PriorError(
            f"{where}: with {scaled} the residual standard deviation is not the same in all rows, so that the share of variance "
            f"that terms explain has no one value; leave {scaled} out, or give priors to the terms one by one"
        )
    if isinstance(said, float):
        return said, f"{said:.4g} (sd of the latent variable of the {link} link)"
    if said is not None and said in known:
        given = known[said].value
        value = np.asarray(columns[said] if isinstance(given, str) else given, dtype=np.float64)
        number = float(np.sqrt(np.mean(np.square(value))))
        return number, f"{number:.4g} ({'root mean square of ' if value.ndim else ''}{said}={given})"
    if said is not None and said not in modelled:
        return None, said
    if said is not None:
        raise PriorError(
            f"{where}: {said} has a formula of its own and differs between rows, so that the share of variance that terms "
            f"explain has no one value; give {said} no formula, or priors to the terms one by one"
        )
    found = _by_information(family, link, response, known, columns)
    if found is None or not np.isfinite(found) or found <= 0:
        raise PriorError(
            f"{where}: family '{family.name}' with the link {link} does not say which standard deviation the share of variance "
            "is counted against; give it as a number on the predictor's scale, R2D2M2(0.5, 2, residual_sd=1)"
        )
    return found, f"{found:.4g} (what a row is worth on the {link} scale, at the intercept alone)"


def _by_information(
    family: Family, link: str, response: Response, known: Mapping[str, Known], columns: Mapping[str, np.ndarray]
) -> float | None:
    """Return one over the root of the rows' mean expected information at the intercept that suits them best."""
    if family.information is None or response.value.ndim != 1:
        return _by_variance(family, link, response)
    given = {name: columns.get(name, value.value) for name, value in known.items()}
    start = family.scale(response, find_link(link, "link", FormulaError))[0]
    eta, weights = np.full(len(response.value), start), 1.0 if response.weights is None else response.weights
    for _ in range(STEPS):
        found = family.information(eta, response, link, given)
        if found is None:
            return _by_variance(family, link, response)
        slope, certain = (float(np.mean(weights * part)) for part in found)
        step = float(np.clip(slope / certain, -2.0, 2.0))
        eta = eta + step
        if abs(step) < NEARLY:
            break
    found = family.information(eta, response, link, given)
    return None if found is None else float(1.0 / np.sqrt(np.average(found[1], weights=response.weights)))


def _by_variance(family: Family, link: str, response: Response) -> float | None:
    r"""Return the same from variance :math:`v` and mean :math:`\mu` of a response, :math:`\sqrt{v} / (d\mu / d\eta)`.

    Of families with no other parameter than the mean, where the rows have one; None for others.
    """
    if family.variance is None or len(family.parameters) > 1 or response.value.ndim != 1:
        return None
    record, trials = find_link(link, "link", FormulaError), 1.0 if response.trials is None else response.trials
    weights = trials if response.weights is None else trials * response.weights
    at = float(np.average(response.value / trials, weights=np.broadcast_to(weights, response.value.shape)))
    step = SMALL * abs(at)
    with np.errstate(all="ignore"):
        eta, low, high = (float(np.asarray(record.forward(place))) for place in (at, at - step, at + step))
    main = {family.main.name: pt.constant(np.array([eta if family.main.link_in_family else at]))}
    of_one = family.variance(main, Aux(record, None if response.trials is None else pt.constant(np.ones(1))))
    variance = float(of_one.eval(mode="FAST_COMPILE")[0])
    return float(np.sqrt(variance / np.mean(trials)) * abs(high - low) / (2.0 * step)) if step else None

"""What a budget of variance allows each of a predictor's addends: standard deviations from shares."""

from typing import TYPE_CHECKING, Any

import numpy as np

from bayesdeep.core.lazy import pt
from bayesdeep.core.priors import ChosenPrior
from bayesdeep.core.registry import FAMILIES, PRIORS
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.spec.shares_of_budget import dimension, shares

if TYPE_CHECKING:
    from .scope import TermScope


def allotted_sds(scope: "TermScope", spec: ModelSpec, chosen: ChosenPrior) -> dict[str, Any]:
    """Return standard deviations ``(share,)`` of what has a share, by slot: of coefficients together one, else one each.

    Parameters
    ----------
    scope
        Of the main predictor.
    chosen
        The prior of one of them.
    """
    owners, arguments = shares(spec, chosen.key), dict(chosen.prior.arguments)
    block = PRIORS[chosen.prior.name].block
    assert block is not None
    labels = tuple(label for owner in owners for label in owner.labels)
    sds = block(scope, chosen.key, arguments, labels)
    for one in PRIORS[chosen.prior.name].reports:
        dims = (scope.dim(dimension(chosen.key), labels),) if one.each else ()
        scope.report(f"{chosen.key}{one.suffix}", one.value(sds), dims, one.role)
    over_rows = sds * _residual(scope, spec, arguments["residual_sd"])
    found, begin = {}, 0
    for owner in owners:
        end = begin + len(owner.adds)
        found[owner.name] = over_rows[begin:end] / pt.constant(np.array(owner.adds))
        begin = end
    return found


def told(spec: ModelSpec, chosen: ChosenPrior, rows: int) -> float:
    """Return about what ``rows`` rows know of a coefficient that has a share, as a precision."""
    number = chosen.prior.get("residual_sd")
    about = spec.response.spread if not isinstance(number, float) else number
    adds = next(owner.adds[0] for owner in shares(spec, chosen.key) if owner.name == chosen.name)
    return rows * (adds / about) ** 2


def _residual(scope: "TermScope", spec: ModelSpec, number: Any) -> Any:
    """Return the residual standard deviation, a number or a parameter of the family."""
    if number is not None:
        return number
    family = FAMILIES[spec.family]
    name = None if family.residual is None else family.residual(spec.links[family.main.name])
    assert isinstance(name, str), spec.family
    return scope.parameter(name)

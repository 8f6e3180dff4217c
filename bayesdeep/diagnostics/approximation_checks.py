"""Checks of draws that are not the posterior's: what a method, a comparison or weights say of themselves."""

from collections.abc import Mapping
from typing import Any

from bayesdeep.inference.against_nuts import MEAN_LIMIT, SD_LIMIT
from bayesdeep.numerics.psis import KHAT_LIMIT

from .checks import Check

SHIFT_LIMIT = 1.0


def approximation_checks(attrs: Mapping[Any, Any], draws: int) -> list[Check]:
    """Check an approximation by its Pareto k-hat, where the method gives one."""
    details = attrs.get("details") or {}
    if "chain_weights" in attrs:
        weights = [float(w) for w in attrs["chain_weights"]]
        meaning = f"chains of {len(weights)} that the mixture is made of; they were weighted to predict, not by posterior mass"
        return [Check("chains used", sum(w > 0 for w in weights), ">= 1", True, meaning)]
    method = attrs.get("method", "the method")
    if draws == 1:
        meaning = f"{method} gives one point: no uncertainty of the parameters, and no intervals for them"
        if "log_likelihood" in attrs:
            meaning = f"{method} gives one point with standard errors; intervals by these need many rows and groups"
        return [Check("draws", 1, "> 1", False, meaning, 1, ("Use method='nuts' where uncertainty matters.",))]
    if "khat" not in details:
        meaning = f"{method} approximates the posterior and does not say how well"
        advice = f"Compare with method='nuts' once before relying on intervals from {method}."
        return [Check("error of the approximation", "not measured", "known", False, meaning, 1, (advice,))]
    khat = float(details["khat"])
    ok = khat < KHAT_LIMIT
    good = "importance weights from the approximation to the posterior are well behaved"
    bad = "the approximation differs from the posterior: means may be useful, intervals may be wrong"
    compared = comparison_checks(details)
    # Where the result itself was compared with the posterior's, weights that are uneven say little beside that.
    advised = () if ok or compared else ("Use method='nuts'; if that is too slow, trust means only.",)
    found = [Check("Pareto k-hat", khat, f"< {KHAT_LIMIT}", ok, good if ok else bad, 1 if compared else 2, advised)]
    if "shift_in_sds" in details:
        found.append(_shift(details, ok))
    return [*found, *compared]


def _shift(details: Mapping[str, Any], known: bool) -> Check:
    """Say how far the correction moves a mean; where the weights are bad this is rough."""
    value = float(details["shift_in_sds"])
    done = "the draws are corrected" if details.get("corrected") == "yes" else "the draws are not corrected"
    rough = "" if known else ", roughly, since few draws carry the weights"
    meaning = f"posterior sds by which correcting the approximation moves the mean it moves most{rough}; {done}"
    return Check("error of the approximation", value, f"<= {SHIFT_LIMIT}", value <= SHIFT_LIMIT, meaning)


def comparison_checks(details: Mapping[str, Any]) -> list[Check]:
    """Check an approximation against the run of ``nuts`` it was compared with, if it was."""
    if "check_mean" not in details:
        return []
    mean, sd = float(details["check_mean"]), float(details["check_sd"])
    at_mean, at_sd = details.get("check_mean_at"), details.get("check_sd_at")
    centre = f"difference of the mean of '{at_mean}' from that of nuts in posterior sds, the largest there is"
    spread = f"standard deviation of '{at_sd}' over that of nuts, the farthest from 1 there is"
    close, alike = abs(mean) <= MEAN_LIMIT, abs(sd - 1.0) <= SD_LIMIT
    return [
        Check("mean against nuts", mean, f"within {MEAN_LIMIT}", close, centre, 2),
        Check("sd against nuts", sd, f"1 within {SD_LIMIT}", alike, spread, 2),
    ]

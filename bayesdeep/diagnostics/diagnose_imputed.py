"""A verdict on draws that are pooled over several data sets: the worst of the data sets', and whether there are enough of these.

Each data set's chains are judged by themselves. How many data sets there are is judged like Monte Carlo error: the mean of pooled
draws would be another with other imputations, by :math:`\\sqrt{B / M}`, with :math:`B` the variance between the data sets' means.

Zhou and Reiter (2010), The American Statistician 64, 159-163, doi:10.1198/tast.2010.09109, find that five to ten data sets,
usual for Rubin's rules, are often too few for mixed draws.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core.roles import listed, shown
from bayesdeep.results.convergence_table import stack_scalars
from bayesdeep.results.imputed_fitted import ImputedFitted
from bayesdeep.results.labelled import Group

from .diagnose import VERDICTS, Diagnosis, diagnose

MOST_ERROR = 0.1
"""Standard error of a mean, in posterior sds, that comes of having these data sets and no others: as for Monte Carlo error."""


def diagnose_imputed(fit: ImputedFitted) -> Diagnosis:
    """Return the worst verdict of the data sets, and what the number of data sets makes of it."""
    each, count = [diagnose(one.held) for one in fit.each], len(fit.each)
    level = max(VERDICTS.index(one.verdict) for one in each)
    worst = next(k for k, one in enumerate(each) if VERDICTS.index(one.verdict) == level)
    value, name = _error_of_few(fit)
    enough = not value > MOST_ERROR
    meaning = f"by so many posterior sds the mean of '{name}' may depend on which {count} imputations there are"
    evidence = [*_worst_of(each), ["number of data sets", value, f"<= {MOST_ERROR}", enough, meaning]]
    advice = [f"Data set {k}: {said}" for k, one in enumerate(each, start=1) for said in one.advice]
    if not enough:
        needed = int(np.ceil(count * (value / MOST_ERROR) ** 2 / 5) * 5)
        advice.append(f"Impute about {needed} data sets: with {count} the pooled mean of '{name}' is not settled.")
    final = max(level, 0 if enough else 1)
    table = pd.DataFrame(evidence, columns=["check", "value", "limit", "passed", "meaning"])
    return Diagnosis(
        VERDICTS[final], _sentence(each, worst, final, level, count), table, each[worst].worst, tuple(advice)
    )


def _sentence(each: list[Diagnosis], worst: int, final: int, level: int, count: int) -> str:
    if final > level:
        return (
            f"in each of the {count} data sets the chains agree and have enough independent draws, but there are few data sets: "
            "other imputations could give other numbers"
        )
    if level == 0:
        return (
            f"in each of the {count} data sets the chains agree and have enough independent draws; means and intervals of the "
            "pooled draws can be reported"
        )
    alike = sum(one.verdict == each[worst].verdict for one in each)
    return f"{alike} of the {count} data sets; of data set {worst + 1}: {each[worst].sentence}"


def _worst_of(each: list[Diagnosis]) -> Iterable[list[Any]]:
    """Yield a row a check: that of the data set in which it came out worst, named where it failed."""
    names = dict.fromkeys(name for one in each for name in one.evidence["check"])
    for name in names:
        found = [
            (k, row) for k, one in enumerate(each, start=1) for row in one.evidence.itertuples() if row.check == name
        ]
        k, row = max(found, key=lambda pair: _badness(pair[1]))
        meaning = str(row.meaning) if row.passed else f"data set {k}: {row.meaning}"
        yield [name, row.value, row.limit, row.passed, meaning]


def _badness(row: Any) -> tuple[bool, float]:
    """Return what grows with how bad a check came out: failures first, then by how far it is towards its limit."""
    value = float(row.value) if isinstance(row.value, int | float | np.number) else 0.0
    return not row.passed, -value if str(row.limit).startswith(">") else value


def _error_of_few(fit: ImputedFitted) -> tuple[float, str]:
    """Return the largest standard error of a mean that comes of few data sets, in posterior sds, and of which quantity."""
    posterior: Any = listed(shown(fit.pooled.held["posterior"].to_dataset()))
    if isinstance(posterior, Group) and not posterior.data_vars:
        return 0.0, ""
    labels, _, draws = stack_scalars(posterior)
    if not labels:
        return 0.0, ""
    count = len(fit.each)
    own = draws.reshape(len(draws), count, -1)
    within, between = own.var(axis=2).mean(axis=1), own.mean(axis=2).var(axis=1, ddof=1)
    with np.errstate(all="ignore"):
        error = np.nan_to_num(np.sqrt(between / count / (within + between * (count - 1) / count)))
    at = int(np.argmax(error))
    return float(error[at]), labels[at]

"""What is to be said of each smooth in numbers: how much it bends, and whether it bends at all."""

import numpy as np
import pandas as pd

from bayesdeep.collapse.linear_layout import prefix_of
from bayesdeep.core import notices
from bayesdeep.results.fitted import Fitted, flat_draws
from bayesdeep.results.rows import Rows
from bayesdeep.results.smooth_freedom import freedom
from bayesdeep.results.smooth_parts import SmoothPart, parts_of
from bayesdeep.spec.declared import effects_of

from .smooth_line import LineTest, line_test

COLUMNS = (
    "edf", "edf_lower", "edf_upper", "most", "departure", "departure_lower", "departure_upper",
    "bayes_factor", "least_factor", "prob_line",
)  # fmt: skip


def told_table(fit: Fitted, interval: float) -> pd.DataFrame:
    """Return :meth:`bayesdeep.Fit.smooths`, with a warning where a smooth has no Bayes factor."""
    found = smooth_table(fit, interval)
    why = found.attrs["no_test"]
    for reason in dict.fromkeys(why.values()):
        names = ", ".join(name for name in why if why[name] == reason)
        notices.warn(f"smooths: there is no Bayes factor for {names}, and no probability of a line: {reason}")
    return found


def smooth_table(fit: Fitted, interval: float = 0.9) -> pd.DataFrame:
    """Return :meth:`bayesdeep.Fit.smooths` without warnings: ``attrs["no_test"]`` says why a smooth has no Bayes factor."""
    parts, posterior = parts_of(fit.spec), fit.idata["posterior"]
    draws = flat_draws(fit)
    missing = [part for part in parts if f"{part.name}_edf" not in posterior]
    made = freedom(fit.spec, fit.rows, draws, fit.sizes) if missing else {}
    found, notes = {}, {}
    for part in parts:
        name = f"{part.name}_edf"
        own = np.asarray(posterior[name]).ravel() if name in posterior else np.asarray(made.get(part.name, [np.nan])).ravel()
        tested = line_test(fit, part)
        if isinstance(tested, str):
            notes[part.name] = tested
        test = [tested.factor, tested.least, tested.probability] if isinstance(tested, LineTest) else [np.nan] * 3
        size = _departure(fit, part, draws)
        found[part.name] = [*_banded(own, interval), part.functions, *_banded(size, interval), *test]
    table = pd.DataFrame.from_dict(found, orient="index", columns=list(COLUMNS))
    table.attrs = {"interval": interval, "no_test": notes}
    return table


def _banded(values: np.ndarray, interval: float) -> tuple[float, float, float]:
    lower, upper = np.quantile(values, [(1 - interval) / 2, (1 + interval) / 2])
    return float(values.mean()), float(lower), float(upper)


def _departure(fit: Fitted, part: SmoothPart, draws: dict[str, np.ndarray]) -> np.ndarray:
    """Return by draw the root mean square of the penalised part, over the rows where it is not all 0; no number without rows."""
    if not isinstance(fit.rows, Rows):
        return np.array([np.nan])
    term = next(t for t in fit.spec.predictors[part.predictor].terms if t.key == part.term)
    effects, gram, values = effects_of(term), [], []
    for k, start, stop in part.penalised:
        effect = effects[k]
        piece = next(p for p in effect.pieces if p.start == start)
        own = draws[prefix_of(fit.spec, part.predictor) + piece.slot]
        if own.ndim != 2:
            return np.array([np.nan])
        values.append(own)
        gram.append(np.asarray(fit.rows.arrays[f"{part.term}.{effect.rows.array}"], dtype=np.float64)[:, start:stop])
    columns, coefficients = np.concatenate(gram, axis=1), np.concatenate(values, axis=1)
    there = max(int(columns.any(axis=1).sum()), 1)
    return np.sqrt(np.maximum(np.einsum("dk,kl,dl->d", coefficients, columns.T @ columns, coefficients), 0.0) / there)

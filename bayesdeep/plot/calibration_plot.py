"""Whether probabilities hold what they promise: the share of responses inside intervals, or of levels that were so."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from bayesdeep.compare.assessed_fit import response_kind
from bayesdeep.compare.compared import Compared
from bayesdeep.compare.proper_scores import inside
from bayesdeep.core import arguments
from bayesdeep.core.errors import FitError
from bayesdeep.results.fitted import Fitted, own_rows
from bayesdeep.results.prediction_doors import predictive_draws

from .figure_style import BLUE, GREEN, INK, MUTED, ORANGE, legend, new_figure, plain
from .parts import A_COMPARISON, observed, thinned
from .reliability import reliability

LEVELS = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
MARKS = ("o", "s", "^", "D", "v", "P")


@arguments.checked("plot", draws=arguments.size, seed=arguments.seed)
def calibration(comparison_or_fit: Compared | Fitted, *, draws: int = 400, seed: int | None = None) -> Figure:
    """Draw observed against promised coverage of central intervals; of levels, observed shares against stated probabilities.

    Parameters
    ----------
    comparison_or_fit
        A comparison, with its held-out ``calibration``; or a fit, whose own rows are predicted again, which
        flatters a flexible model a little. Rows with a censored response are left out.
    draws, seed
        For a fit: number of predictive draws and their seed.

    Returns
    -------
    matplotlib.figure.Figure
        Below the diagonal the intervals are too narrow, above it too wide; a count at the end of an interval counts in part. Of a
        response with levels, such as yes and no, the reliability diagram: below the diagonal the model is overconfident.

    Raises
    ------
    FitError
        For counts by level, of which a row is neither one number nor one level.
    """
    given = comparison_or_fit
    if not isinstance(given, Fitted):
        A_COMPARISON(given, "plot", "comparison_or_fit")
    stated = stated_of_fit(given, draws) if isinstance(given, Fitted) else stated_of(given)
    if stated:
        return reliability(stated)
    curves = coverage_of_fit(given, draws, seed) if isinstance(given, Fitted) else coverage_of(given)
    return draw_coverage(curves)


def draw_coverage(curves: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Draw promised and held coverage ``(interval,)`` of intervals, a line a model."""
    figure, axes = new_figure(4.2)
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.9, linestyle=(0, (5, 3)), zorder=0)
    colours = (BLUE, ORANGE, GREEN, MUTED)
    for i, (name, (promised, held)) in enumerate(curves.items()):
        axes.plot(
            promised, held, marker=MARKS[i % 6], color=colours[i % 4], markersize=5, linewidth=1.2, label=plain(name)
        )
    axes.set_xlabel("promised: probability of the interval")
    axes.set_ylabel("held: share of responses inside")
    values = np.concatenate([np.concatenate(pair) for pair in curves.values()])
    low = max(0.0, np.floor(10 * values.min() - 0.5) / 10)
    axes.set_xlim(low, 1)
    axes.set_ylim(low, 1)
    if len(curves) > 1:
        legend(axes, columns=2)
    return figure


def coverage_of(comparison: Compared) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return promised and held coverage by model from a comparison."""
    scores = {str(n): a.scores for n, a in comparison.assessed.items() if a.scores is not None}
    if scores:
        return {n: (LEVELS, np.array([s.expected_coverage(p) for p in LEVELS])) for n, s in scores.items()}
    held = comparison.calibration
    if not len(held):
        raise FitError("plot: the comparison has no coverage: none of its models predicted rows of its own, one number each")
    promised = held.index.to_numpy(float)
    return {str(name): (promised, held[name].to_numpy(float)) for name in held.columns}


def coverage_of_fit(fit: Fitted, draws: int, seed: int | None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return promised and held coverage of a fit's own rows."""
    y, status = observed(fit), own_rows(fit, "plot").response.status
    if y.ndim != 1:
        raise FitError(f"plot: a row of '{fit.spec.response.name}' has several numbers; calibration needs one number or level")
    made = predictive_draws(thinned(fit, draws), kind="response", seed=seed)
    rows = made.stack(s=("chain", "draw")).transpose("s", "obs").values
    known = np.ones(len(y), dtype=bool) if status is None else np.asarray(status) == 0
    if not known.any():
        raise FitError("plot: the response of every row is censored, so that no interval can be seen to hold it")
    y, rows = y[known], rows[:, known]
    below, upto = (rows < y).mean(axis=0), (rows <= y).mean(axis=0)
    held = [float(inside(below, upto, level).mean()) for level in LEVELS]
    return {fit.spec.response.name: (LEVELS, np.array(held))}


def stated_of(comparison: Compared) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return by model the probabilities of levels ``(obs, level)`` stated of rows left out, and their levels ``(obs,)``."""
    held = comparison.assessed
    return {str(n): (a.probabilities, a.codes) for n, a in held.items() if a.probabilities is not None and a.codes is not None}


def stated_of_fit(fit: Fitted, draws: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the probabilities of levels that a fit states of its own rows, and their levels; nothing for numbers."""
    trials = own_rows(fit, "plot").response.trials
    single = observed(fit).ndim == 1 and trials is not None and bool(np.all(np.asarray(trials) == 1))
    if response_kind(fit.spec) != "levels" and not single:
        return {}
    mean = predictive_draws(thinned(fit, draws), kind="mean").mean(("chain", "draw")).values
    stated = mean if mean.ndim == 2 else np.column_stack([1.0 - mean, mean])
    return {fit.spec.response.name: (stated, observed(fit).astype(int))}

"""Partial pooling as a picture: what each group says alone, and what the model makes of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core import arguments

from .parts import A_FIT, GroupTerm, group_term, main_link, observed, summarise
from .style import BLUE, INK, MUTED, ORANGE, TICK, legend, new_figure, plain


@dataclass(frozen=True)
class Shrinkage:
    """The numbers of the picture, one entry a group ``(group,)``; on the response's scale.

    Attributes
    ----------
    term
        The group-level term.
    alone
        Estimate from the group's own rows (no pooling).
    pooled, lower, upper
        The model's estimate and its interval (partial pooling).
    centre
        The estimate that ignores groups (complete pooling).
    what
        What is estimated, in words.
    """

    term: GroupTerm
    alone: np.ndarray
    pooled: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    centre: float
    what: str


def shrinkage_numbers(fit: Any, factor: str | None = None, interval: float = 0.9) -> Shrinkage:
    """Return each group's own estimate and the partially pooled one.

    With an identity link the quantity is the group's intercept. Its own estimate is the mean, over the group's rows, of
    the response less everything else in the predictor; what is left differs from the model's estimate by the shrinkage
    alone. With another link it is the mean response of the group's rows: observed, and expected under the model.
    """
    term = group_term(fit, factor)
    name = f"1|{term.factor}"
    y = observed(fit).astype(float)
    if main_link(fit) == "identity" and name in term.effects and y.ndim == 1:
        posterior = fit.idata["posterior"]
        base = posterior.get("Intercept", 0.0)
        table = summarise((posterior[name] + base).rename(name), interval)
        eta = fit.predict(kind="linear")["mean"].to_numpy()
        rest = eta - table["mean"].to_numpy()[term.codes]
        alone = group_means(y - rest, term)
        centre = float(np.mean(y - rest))
        mean, lower, upper = (table[c].to_numpy() for c in ("mean", "lower", "upper"))
        return Shrinkage(term, alone, mean, lower, upper, centre, "intercept")
    draws = _group_mean_draws(fit, term)
    tail = (1 - interval) / 2
    lower, upper = np.quantile(draws, [tail, 1 - tail], axis=0)
    rate = y / np.asarray(fit._rows.response.trials) if fit._rows.response.trials is not None else y
    centre = float(rate.mean())
    return Shrinkage(term, group_means(rate, term), draws.mean(axis=0), lower, upper, centre, "mean response")


def group_means(values: np.ndarray, term: GroupTerm) -> np.ndarray:
    """Return the mean of ``(obs,)`` values by group ``(group,)``; not-a-number for groups without rows."""
    sums = np.bincount(term.codes, weights=values, minlength=len(term.labels))
    return np.divide(sums, term.sizes, out=np.full(len(term.labels), np.nan), where=term.sizes > 0)


def _group_mean_draws(fit: Any, term: GroupTerm) -> np.ndarray:
    """Return draws ``(draw, group)`` of the mean of the expected responses of each group's rows."""
    from .parts import thinned

    draws = thinned(fit, 400).draws(kind="mean").stack(s=("chain", "draw")).transpose("s", "obs").values
    if fit._rows.response.trials is not None:
        draws = draws / np.asarray(fit._rows.response.trials)
    return np.stack([group_means(d, term) for d in draws])


NUMBERS = arguments.instance(lambda: Shrinkage, "what shrinkage_numbers returned")


@arguments.checked(
    "plot",
    fit=A_FIT,
    factor=arguments.optional(arguments.text),
    interval=arguments.probability,
    numbers=arguments.optional(NUMBERS),
)
def shrinkage(fit: Any, factor: str | None = None, *, interval: float = 0.9, numbers: Shrinkage | None = None) -> Any:
    """Draw each group's own estimate and the partially pooled one against the group's size.

    Parameters
    ----------
    fit
        A fit of a model with a group-level intercept.
    factor
        Grouping factor; the first by default.
    interval
        Probability of the intervals around the partially pooled estimates.
    numbers
        From :func:`shrinkage_numbers`, if they are at hand.

    Returns
    -------
    matplotlib.figure.Figure
        Open circles: from the group's rows alone. Filled: partially pooled, with intervals. Line: complete pooling.
    """
    n = shrinkage_numbers(fit, factor, interval) if numbers is None else numbers
    figure, axes = new_figure(4.1)
    seen = n.term.sizes > 0
    x = spread_out(n.term.sizes[seen])
    alone, pooled = n.alone[seen], n.pooled[seen]
    centre = axes.axhline(n.centre, color=INK, linewidth=1.0, linestyle=(0, (5, 3)), zorder=1, label="all pooled")
    axes.vlines(x, n.lower[seen], n.upper[seen], color=BLUE, linewidth=0.7, alpha=0.35, zorder=1)
    axes.vlines(
        x, np.minimum(alone, pooled), np.maximum(alone, pooled), color=ORANGE, linewidth=1.0, alpha=0.4, zorder=2
    )
    own = axes.scatter(
        x, alone, s=22, facecolors="none", edgecolors=ORANGE, linewidths=1.1, zorder=3, label="group alone"
    )
    part = axes.scatter(x, pooled, s=18, color=BLUE, linewidths=0, zorder=4, label="partly pooled")
    axes.set_xscale("log")
    ticks = nice_sizes(int(n.term.sizes[seen].min()), int(n.term.sizes[seen].max()))
    axes.set_xticks(ticks, [f"{t:,}" for t in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel(f"rows in the {plain(n.term.factor)} (log scale)")
    axes.set_ylabel(f"{plain(n.term.factor)} {n.what}")
    legend(axes, [own, part, centre], columns=3)
    _name_extremes(axes, x, n, seen)
    return figure


def spread_out(sizes: np.ndarray) -> np.ndarray:
    """Return sizes moved apart by up to 6 % so that groups of one size do not lie on each other."""
    x = sizes.astype(float)
    for size in np.unique(sizes):
        same = np.flatnonzero(sizes == size)
        if len(same) > 1:
            x[same] = size * np.exp(np.linspace(-0.06, 0.06, len(same)) * min(2.0, 0.5 + len(same) / 6))
    return x


def nice_sizes(least: int, most: int) -> list[int]:
    """Return round numbers 1, 2, 5, 10, … inside a range, at most about eight."""
    every = [m * 10**k for k in range(9) for m in (1, 2, 5)]
    inside = [v for v in every if least <= v <= most]
    if len(inside) < 2:
        return sorted({least, most})
    return inside if len(inside) <= 9 else [v for v in inside if str(v)[0] == "1"]


def _name_extremes(axes: Any, x: np.ndarray, n: Shrinkage, seen: np.ndarray) -> None:
    """Name the largest group, and the one that was moved most."""
    labels = np.array(n.term.labels, dtype=object)[seen]
    moved = int(np.nanargmax(np.abs(n.alone[seen] - n.pooled[seen])))
    largest = int(np.argmax(n.term.sizes[seen]))
    for place, side in {moved: "left", largest: "right"}.items():
        height = n.alone[seen][place]
        axes.annotate(
            plain(labels[place]),
            (x[place], height),
            xytext=(6 if side == "left" else -4, -13 if side == "right" else 4),
            textcoords="offset points",
            ha=side,
            fontsize=TICK - 1,
            color=MUTED,
        )

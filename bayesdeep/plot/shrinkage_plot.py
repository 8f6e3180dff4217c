"""Partial pooling as a picture: what each group says alone, and what the model makes of it."""

from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayesdeep.core import arguments
from bayesdeep.core.errors import FitError
from bayesdeep.results.fitted import Fitted, own_rows

from .figure_style import BLUE, INK, MUTED, ORANGE, TICK, legend, new_figure, plain
from .no_pooling import alone_and_leaning
from .parts import A_FIT, GroupTerm, group_term, main_link, summarise

MIN_OUTSIDE_SDS, MAX_OUTSIDE_SHARE = 0.5, 0.1
"""Where more than a tenth of the estimates lie half an sd or more outside of what they are made of, they are made of more."""


@dataclass(frozen=True)
class Shrinkage:
    """The numbers of the picture, one entry a group ``(group,)``; all on the scale of the predictor.

    Each is the intercept of a group, with everything else in the predictor held at what the model makes of it.

    Attributes
    ----------
    term
        The group-level term.
    alone
        What the group's own rows say (no pooling): where their likelihood is largest. Not-a-number where it is largest
        nowhere, as of counts that are all 0 under a log link.
    pooled, lower, upper
        The model's estimate and its interval (partial pooling).
    leans
        What the model would say without the group's rows: the average group; of effects that are correlated, given the group's
        other ones; of groups with a known covariance, given the others.
    centre
        The average group: with groups of equal size, the estimate that ignores groups (complete pooling).
    what
        What is estimated, in words.
    """

    term: GroupTerm
    alone: np.ndarray
    pooled: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    leans: np.ndarray
    centre: float
    what: str

    @property
    def alike(self) -> bool:
        """Return whether all groups lean on the same."""
        return bool(np.allclose(self.leans, self.centre))


def shrinkage_numbers(fit: Fitted, factor: str | None = None, interval: float = 0.9) -> Shrinkage:
    """Return each group's own estimate, the partially pooled one and what that leans on, all of the group's intercept.

    Raises
    ------
    FitError
        Where there is no such picture: without a group-level intercept, with a predictor for each level of the response, or where
        the model's estimates are not made of the other two.
    """
    own_rows(fit, "plot")
    term = group_term(fit, factor)
    name = f"1|{term.factor}"
    if name not in term.effects:
        raise FitError(f"plot: the model has no group-level intercept (1 | {term.factor}); bd.plot.group_effects draws slopes")
    if term.codes is None:
        raise FitError(
            f"plot: a row belongs to several groups of '{term.factor}' at once, so that no group has rows of its own to be "
            "compared "
            "with; bd.plot.group_effects draws the effects"
        )
    posterior = fit.posterior
    if posterior[name].ndim != 3:
        raise FitError(f"plot: '{name}' has a value for each level of the response; there is no one estimate a group to draw")
    base = posterior.get("Intercept", 0.0)
    table = summarise((posterior[name] + base).rename(name), interval)
    pooled, sd, lower, upper = (table[c].to_numpy() for c in ("mean", "sd", "lower", "upper"))
    alone, leans, centre = alone_and_leaning(fit, term, pooled)
    _check_between(name, term, alone, pooled, leans, sd)
    link = main_link(fit)
    what = "intercept" if link == "identity" else f"intercept ({link} scale)"
    return Shrinkage(term, alone, pooled, lower, upper, leans, centre, what)


def _check_between(
    name: str, term: GroupTerm, alone: np.ndarray, pooled: np.ndarray, leans: np.ndarray, sd: np.ndarray
) -> None:
    """Raise where estimates are made of more than their own rows and the average."""
    own = np.where(np.isnan(alone), pooled, alone)
    beyond = np.maximum(pooled - np.maximum(own, leans), np.minimum(own, leans) - pooled)
    seen = term.sizes > 0
    if np.mean((beyond > MIN_OUTSIDE_SDS * sd)[seen]) > MAX_OUTSIDE_SHARE:
        raise FitError(
            f"plot: the estimates of '{name}' do not lie between what each {term.factor} says alone and the average, because "
            "the likelihood is too skew or other parts of the predictor make up for them; bd.plot.group_effects(fit) draws them"
        )


CHECK_SHRINKAGE = arguments.instance(lambda: Shrinkage, "what shrinkage_numbers returned")


@arguments.checked(
    "plot",
    fit=A_FIT,
    factor=arguments.optional(arguments.text),
    interval=arguments.probability,
    numbers=arguments.optional(CHECK_SHRINKAGE),
)
def shrinkage(fit: Fitted, factor: str | None = None, *, interval: float = 0.9, numbers: Shrinkage | None = None) -> Figure:
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
        The groups' intercepts on the scale of the predictor. Open circles: from the group's rows alone. Filled: partially pooled,
        with intervals. Line: the average group; where slopes are correlated with intercepts, a mark a group for what it leans on.

    Raises
    ------
    FitError
        See :func:`shrinkage_numbers`.
    """
    n = shrinkage_numbers(fit, factor, interval) if numbers is None else numbers
    figure, axes = new_figure(4.1)
    seen = n.term.sizes > 0
    x = spread_out(n.term.sizes[seen])
    alone, pooled = n.alone[seen], n.pooled[seen]
    if n.alike:
        middle: Artist = axes.axhline(n.centre, color=INK, linewidth=1.0, linestyle=(0, (5, 3)), zorder=1, label="average")
    else:
        middle = axes.scatter(x, n.leans[seen], s=40, marker="_", color=MUTED, linewidths=1.4, zorder=2, label="leans on")
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
    legend(axes, [own, part, middle], columns=3)
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


def _name_extremes(axes: Axes, x: np.ndarray, n: Shrinkage, seen: np.ndarray) -> None:
    """Name the largest group, and the one that was moved most."""
    labels = np.array(n.term.labels, dtype=object)[seen]
    distance = np.nan_to_num(np.abs(n.alone[seen] - n.pooled[seen]))
    moved = int(np.argmax(distance))
    largest = int(np.argmax(n.term.sizes[seen]))
    for place, side in {moved: "left", largest: "right"}.items():
        height = n.alone[seen][place] if np.isfinite(n.alone[seen][place]) else n.pooled[seen][place]
        axes.annotate(
            plain(labels[place]),
            (x[place], height),
            xytext=(6 if side == "left" else -4, -13 if side == "right" else 4),
            textcoords="offset points",
            ha=side,
            fontsize=TICK - 1,
            color=MUTED,
        )

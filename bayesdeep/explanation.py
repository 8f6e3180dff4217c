"""What a fitted model knows, for users: :func:`explain`, and what can be asked of its answer."""

from typing import TYPE_CHECKING, Any

from bayesdeep.core import arguments
from bayesdeep.effects.explain import DRAWS, Explained, explained
from bayesdeep.fit import Fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Explanation(Explained):
    __doc__ = Explained.__doc__

    @arguments.checked("plot", most=arguments.count)
    def plot(self, most: int = 12) -> "Figure":
        """Draw the shares with their intervals, and below them what terms are worth, if any were tried.

        ``most`` main effects and as many interactions are drawn.
        """
        from bayesdeep.plot.interactions import shares

        return shares(self, most)


@arguments.checked("explain", terms=arguments.whole, draws=arguments.size, seed=arguments.seed, progress=arguments.flag)
def explain(
    fit: Fit,
    against: Fit | None = None,
    *,
    data: Any = None,
    terms: int = 6,
    draws: int = DRAWS,
    seed: int = 0,
    progress: bool = True,
) -> Explanation:
    """Say what a fit's predictor knows: shares of main effects and of interactions, and what a formula lacks of it.

    The main predictor, on the link's scale and as a function of the columns its formula names, is decomposed by a functional
    analysis of variance for each posterior draw. Nothing about networks is used: it can be asked of any fit. Columns used only
    to group rows count as inputs too, and ``x:county`` is an effect of ``x`` that differs by county.

    Parameters
    ----------
    fit
        The fit to explain.
    against
        A fit of the same response on the same rows, usually of a multilevel formula. Terms are then made of what was found,
        ``x2:x3``, ``s(x1)``, a smooth of two columns where their product is not all of their interaction,
        ``(0 + x1 | county)`` or a column it lacks; each is added to its formula (a smooth in the place of the column by itself,
        whose straight line is part of it), fitted in the same way and scored by leave-one-out cross-validation (by refitting in
        folds where the fit is a point).
    data
        The data both fits were made from; needed only for fits that do not hold their columns, such as those saved by an
        earlier version.
    terms
        How many terms to try at most.
    draws
        Posterior draws to use, at most.
    seed
        Of the sample of rows, and of the refits.
    progress
        Show a bar while terms are tried.

    Returns
    -------
    Explanation
        With ``main_effects``, ``interactions``, ``curvature``, ``suggestions``, ``gap`` and ``plot()``.

    Raises
    ------
    FitError
        Where the fit has no inputs, or the fits are not of the same response and rows.

    Notes
    -----
    A share is the variance of one component over that of the predictor when the inputs are *independent*, each with the
    distribution it has in the data; where inputs are strongly dependent this looks at rows that do not occur, a note says
    so, and ``variance_on_rows`` beside ``variance`` how far that goes. ``share`` is that of what the posterior draws agree
    on, ``lower`` is 0 unless this stands out of their spread, ``upper`` is the 95 % quantile of the draws' own shares: for
    an interaction that is not there the interval reaches 0, although every single draw has some. Both are moved outwards by
    the Monte Carlo error of the share, about 2 to 5 % of it. How this is estimated, and who found it, is in
    :mod:`bayesdeep.effects.anova` and :mod:`bayesdeep.effects.squares`.

    Cost: the predictor at up to 90,000 rows for each draw (fewer inputs, fewer rows), a few seconds for a network of 16 units;
    with more than 15 inputs only pairs of the 15 that interact most are looked at.
    """
    found = explained(fit, against, data=data, terms=terms, draws=draws, seed=seed, progress=progress)
    return Explanation(**vars(found))

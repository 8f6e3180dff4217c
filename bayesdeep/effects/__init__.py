"""What a fitted function does: slopes, contrasts, curves, where its uncertainty comes from, and what a formula lacks of it.

``slopes``, ``contrasts``, ``curve`` (marginal effects; ``marginal_*`` are their grids, values and tables) · ``budget``
(the variance of a prediction by source) · ``input_function`` (the predictor as a function of columns) · ``anova``,
``squares`` (its functional analysis of variance) · ``suggest``, ``explain`` (terms that a formula lacks) ·
``smooth_curves`` (what smooths add to a predictor).
"""

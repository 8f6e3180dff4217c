"""Draws to labelled results: the DataTree, the fit, predictions, saving and loading.

A *fit* is a ``Fitted`` (``fitted``): spec, rows (``rows``) and a *tree* (``tree``; ``labelled`` before it is asked
for). *Predictions*: ``predict`` (blocks of rows), ``predictive`` (the distribution of new responses), ``unseen_groups``
(draws for new groups), ``predictions`` and ``prediction_tables`` (what users get); their functions are kept
(``kept_graphs``, ``linear_rows``). *Tables*: ``summary``, ``convergence_table`` (R-hat, effective sample sizes).
*Files*: ``store``, ``packed``, ``seal``, ``contents``. Scores: ``log_score``.
"""

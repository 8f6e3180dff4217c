"""Draws to labelled results: the DataTree, the fit, predictions, saving and loading.

A *fit* is a ``Fitted`` (``fitted``): spec, rows (``rows``) and a *tree* (``tree``; ``labelled`` before it is asked
for). *Predictions*: ``prediction_blocks`` (of rows), ``predictive_distribution`` (of new responses), ``new_groups``
(effects drawn for groups the model was not fitted to), ``new_group_warnings`` (telling users of such groups),
``prior_draws`` (the same before any data), ``prediction_doors`` and ``prediction_tables`` (what users get); other rows'
columns are matched to the model's by ``aligned``. Functions are made once (``graph_cache``, ``linear_rows``;
``draw_arrays`` are their arguments), and what a network's draws say at rows and ``probes`` is saved with the fit
(``function_draws``). *Tables*: ``summary``, ``convergence_table`` (R-hat, effective sample sizes). *Files*: ``store``,
``packed``, ``seal``, ``contents``; the data frame's ``index`` and its ``data_columns`` are among what is saved.
Scores: ``log_score``.
"""

"""From a model and its rows to draws: which engine, what it is given, and what comes back as a tree.

``select_engine`` (what ``auto`` takes) · ``run`` (target, engine, tree) · ``batch_target``, ``row_target`` (targets by rows) ·
``compressed_rows`` (rows that are alike, counted once) · ``pretraining`` (layers trained to a point first) · ``against_nuts``
(an approximation held against the posterior) · ``option_types`` (what options accept) · ``refit``, ``kfold`` (fits without some
rows) · ``loo`` (leave-one-out by importance weights).
"""

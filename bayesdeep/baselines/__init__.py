"""Baselines that models are compared with, one file each: estimators of scikit-learn, which is imported when they are used.

A baseline is named in place of a fit, ``bd.compare({"multilevel": fit, "ridge": "ridge"})``, sees the model's columns,
is fitted on the same folds and scored on the same held-out rows. :mod:`bayesdeep.core.baselines` is the contract.
"""

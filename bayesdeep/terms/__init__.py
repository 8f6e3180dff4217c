"""Addends of a predictor, one file each; a file defines ``TERM``.

``population`` (intercept and columns) · ``group`` (coefficients that vary by the levels of a factor) · ``offset`` ·
``net`` (a network; ``_net_*`` are its parts). :mod:`bayesdeep.core.terms` is the contract and
:mod:`bayesdeep.core.effects` the vocabulary in which a term that is linear in its coefficients says all there is to
say.
"""

"""Whether a fit can be trusted: a verdict with its evidence and advice, on trees and arrays.

``diagnose`` (the verdict) · ``checks`` (R-hat, effective sizes, divergences, tree depth, energy) ·
``approximation_checks`` (of draws that are not the posterior's) · ``network_checks``, ``function_checks`` (networks, by
what they predict) · ``predictive_checks`` (could the model have produced the data?) · ``prior_sensitivity``,
``prior_conflict`` (do conclusions hang on the prior?).
"""

"""Numerical methods on plain arrays: arrays in, arrays out, nothing of a model.

``mcmc`` (R-hat, effective sample sizes and Monte Carlo errors, from ``autocorrelation`` and ``rank_scores``) · ``psis``
(Pareto smoothed importance sampling of many rows; ``psis_loops`` are its compiled rows, ``psis_row`` one row in NumPy,
both with the fit of the generalised Pareto distribution) · ``cholesky``, ``row_blocks`` (dense and
sparse products that leave other threads alone) · ``slices`` (slice sampling) · ``adam`` (stochastic ascent) ·
``vector_math``, ``single_math`` (elementary functions as vector instructions) · ``native``, ``code_cache`` (machine
code, and keeping it between processes) · ``c_library`` (a C file, built at first use), ``lane_loops``, ``sparse_factors``
(loops of ``lane_loops.c`` over rows and over sparse systems, many lanes at once) · ``cores``, ``pages`` (what the machine has).
"""

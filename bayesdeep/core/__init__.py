"""Contracts, records and registries. Imports nothing else of this package, and no PyMC at import time.

Contracts of plug-ins: ``records`` (families), ``terms``, ``columns`` (transforms and responses), ``priors``, ``links``,
``draws`` and ``batches`` (engines), ``baselines``; ``registry`` finds them. Vocabularies: ``effects`` (rows meet
coefficients that have a law), ``quantities`` (what a posterior shows), ``writing`` (how terms are written), ``linear``
and ``rowwise`` (systems of rows). At the door: ``arguments``, ``errors``, ``notices``, ``files``, ``random``,
``labels``, ``names``.
"""

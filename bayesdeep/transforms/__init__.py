"""Functions of columns in a formula, one file each; a file defines ``TRANSFORM``.

A transform learns from a column (knots, means, levels), gives columns on any rows, and names them: ``bs`` and ``poly``
bases, ``C`` a category, ``center`` and ``scale`` numbers. :mod:`bayesdeep.core.columns` is the contract; functions that
learn nothing, such as ``log``, are part of the language.
"""

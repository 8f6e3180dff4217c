"""Bases of smooths with functions for each level of a category: one file each, whose name is what ``bs=`` calls it.

``re`` (independent effects) · ``fs`` (a curve a level, one smoothness). Each file defines ``BASIS``;
:mod:`bayesdeep.terms._smooth_basis` is the contract. Which columns are categories, the levels and their coefficients' law are the
same for all and none of their business.
"""

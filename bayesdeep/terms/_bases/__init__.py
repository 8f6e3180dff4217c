"""The bases a smooth can have: one file each, whose name is what ``bs=`` calls it and which defines ``BASIS``.

``tp`` (thin plate, of one variable or two) · ``cr`` (natural cubic) · ``cc`` (cyclic cubic) · ``ps`` (P-spline).
:mod:`bayesdeep.terms._smooth_basis` is the contract; that a basis is split into what is penalised and what is not, is scaled and
stored, and may be multiplied by a column, is the same for all and none of their business.
"""

"""The bases a smooth can have, by name. Another one is another file in ``_bases/``."""

from bayesdeep.core.registry import Registry

BASES = Registry("bayesdeep.terms._bases", "BASIS", "basis", "bayesdeep.terms._smooth_basis:Basis")
USUAL = "tp"
"""The one where nothing is said."""

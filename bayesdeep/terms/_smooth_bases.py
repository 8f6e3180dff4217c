"""The bases a smooth can have, by name. Another one is another file in ``_bases/``, or in ``_level_bases/``."""

from bayesdeep.core.registry import Registry

BASES = Registry("bayesdeep.terms._bases", "BASIS", "basis", "bayesdeep.terms._smooth_basis:Basis")
"""Of numbers."""
LEVEL_BASES = Registry("bayesdeep.terms._level_bases", "BASIS", "basis", "bayesdeep.terms._smooth_basis:LevelBasis")
"""Of which every level of a category has its own functions."""
USUAL = "tp"
"""The one where nothing is said."""

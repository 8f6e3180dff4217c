"""The bases a smooth can have. Another one is another file beside this, and an entry here."""

from collections.abc import Mapping

from ._smooth_basis import Basis
from ._smooth_cubic import BASIS as CUBIC
from ._smooth_thin_plate import BASIS as THIN_PLATE

BASES: Mapping[str, Basis] = {basis.name: basis for basis in (THIN_PLATE, CUBIC)}

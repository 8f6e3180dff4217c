"""``factor(x)``, also ``as.factor(x)``: R's names for ``C(x)``."""

from bayesdeep.core.columns import Transform

from ._levels import apply, labels, learn, ordered

TRANSFORM = Transform(
    "factor", learn, apply, labels, categorical=True, ordered=ordered, options=("levels", "reference"),
    example="factor(g)", aliases=("as.factor",),
)

"""``C(x)``: take a column as categories, choose their order or the one the others are compared with."""

from bayesdeep.core.columns import Transform

from ._levels import apply, contrasts, labels, learn, left_out, ordered

TRANSFORM = Transform(
    "C", learn, apply, labels, categorical=True, ordered=ordered, options=("levels", "reference"),
    example="C(g)", codings=("Treatment", "Sum", "Helmert"), contrasts=contrasts, left_out=left_out,
)

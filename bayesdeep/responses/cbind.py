"""``cbind(a, b)``: R's name for ``c(a, b)``, counts of several outcomes or shares of a whole in one column each."""

from bayesdeep.core.columns import ResponseFunction

from ._several import mathematics, read_several

RESPONSE = ResponseFunction("cbind", read_several, mathematics=mathematics, example="cbind(a, b)")

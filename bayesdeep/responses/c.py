"""``c(a, b, c)``: how often each of several outcomes happened, or the shares of a whole, one column each."""

from bayesdeep.core.columns import ResponseFunction

from ._several import mathematics, read_several

RESPONSE = ResponseFunction("c", read_several, mathematics=mathematics, example="c(a, b)")

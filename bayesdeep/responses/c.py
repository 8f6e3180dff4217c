"""``c(a, b, c)``: how often each of several outcomes happened, one column each."""

from bayesdeep.core.columns import ResponseFunction

from ._counts import mathematics, read_counts

RESPONSE = ResponseFunction("c", read_counts, mathematics=mathematics, example="c(a, b)")

"""``cbind(a, b)``: R's name for ``c(a, b)``, counts of several outcomes in one column each."""

from bayesdeep.core.columns import ResponseFunction

from ._counts import mathematics, read_counts

RESPONSE = ResponseFunction("cbind", read_counts, mathematics=mathematics, example="cbind(a, b)")

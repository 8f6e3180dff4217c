"""``p(k, n)``: Bambi's other name for ``prop(k, n)``."""

from bayesdeep.core.columns import ResponseFunction

from ._proportion import mathematics, read

RESPONSE = ResponseFunction("p", read, needed_for_prediction=(1,), mathematics=mathematics, example="p(k, n)")

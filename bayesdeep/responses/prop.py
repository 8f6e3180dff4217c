"""``prop(k, n)``: ``k`` successes in ``n`` trials; ``n`` is a column or a number."""

from bayesdeep.core.columns import ResponseFunction

from ._proportion import mathematics, read

RESPONSE = ResponseFunction(
    "prop", read, needed_for_prediction=(1,), mathematics=mathematics,
    example="prop(k, n)",
)

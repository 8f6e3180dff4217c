"""Which columns the response is made of, and that no predictor is made of them."""

from bayesdeep.core.columns import ResponseFunction
from bayesdeep.core.registry import RESPONSES

from .nodes import Call, Expression, Formula, Name
from .problems import problem, quote
from .walk import columns, find_name


def own_columns(response: Expression) -> tuple[str, ...]:
    """Return the columns of the left side that say something about the response, each once, as written.

    These are all that new rows need not bring: values, status, upper ends, weights. What they must bring (the number of
    trials, truncation bounds) is known before the response is, and may be a predictor, unless it is made of the response
    itself as in ``prop(k, I(k + failures))``: then everything in it is.
    """
    if not isinstance(response, Call) or response.function not in RESPONSES:
        return columns(response)
    function: ResponseFunction = RESPONSES[response.function]
    own: list[str] = []
    brought = [columns(value) for _, value in response.options]
    for place, argument in enumerate(response.arguments):
        if place in function.needed_for_prediction:
            brought.append(columns(argument))
        else:
            own += own_columns(argument)
    for names in brought:
        if set(names) & set(own):
            own += names
    return tuple(dict.fromkeys(own))


def refuse_own(formula: Formula, response: Expression | None) -> None:
    """Raise where a column of the response is a predictor, inside whatever function; R drops it with a warning.

    ``response`` is the left side of the model's formula, which a parameter's formula does not have.
    """
    if response is None:
        return
    own = own_columns(response)
    groups = [f for g in formula.groups for f in (*(f for p in g.products for f in p), *g.specials, *g.factor)]
    for root in (*(f for p in formula.products for f in p), *groups, *formula.specials):
        found = find_name(root, own)
        if found is not None:
            left = response.name if isinstance(response, Name) else str(getattr(response, "source", ""))
            what = "the response" if found.name == left else f"part of the response {quote(left)}"
            message = f"{quote(found.name)} is {what} and cannot be a predictor as well"
            raise problem(formula.text, root.start, message)

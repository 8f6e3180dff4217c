"""The errors users see: where, what is wrong with the value, what would be right, and the nearest name."""

from collections.abc import Iterable
from difflib import get_close_matches


class BayesdeepError(ValueError):
    """Base class of every error this package raises on purpose."""


class FormulaError(BayesdeepError):
    """A formula that cannot be read, or that asks for something this package refuses."""


class DataError(BayesdeepError):
    """Data that do not fit the formula or the family."""


class PriorError(BayesdeepError):
    """A prior that is not known, not possible there, or names nothing in the model."""


class CardError(BayesdeepError):
    """A model card that cannot be read or asks for something a card may not ask for."""


class FitError(BayesdeepError):
    """A fit, or something asked of a fit, that cannot be done."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest known name, or the list of what there is.

    The result is meant to be appended to an error text. It is empty when nothing is known.
    """
    options = [str(k) for k in known]
    close = close_to(name, options)
    if close or not options:
        return close
    shown = ", ".join(options[:12]) + (", …" if len(options) > 12 else "")
    return f"; there are: {shown}"


def close_to(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest known name, or nothing where none is close."""
    close = get_close_matches(str(name), [str(k) for k in known], n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else ""


def of_data(where: str) -> str:
    """Return where a value of the data is wrong: ``data``, and with the training rows the formula that asks for it."""
    return where if where.startswith("data") else f"data: {where}"

"""A posterior that cannot be explored, said by parts that several engines share and put under the engine's name."""

from collections.abc import Iterator
from contextlib import contextmanager

from bayesdeep.core.errors import FitError


class UnexploredError(Exception):
    """Why, in sentences."""


@contextmanager
def under(method: str) -> Iterator[None]:
    """Raise an :class:`UnexploredError` of what is done inside as a FitError of this method."""
    try:
        yield
    except UnexploredError as error:
        raise FitError(f"{method}: {error}") from None

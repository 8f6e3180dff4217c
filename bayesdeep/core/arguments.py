"""What users hand over, checked at the door: each argument has a word for what it has to be, and nothing ends in a raw error.

A check is ``check(value, where, name)``: it returns nothing, or raises an error that begins with ``where`` and has the value.
"""

import inspect
import os
from collections.abc import Callable, Mapping
from functools import cache, wraps
from typing import Any

import numpy as np

from .errors import FitError, nearest
from .random import checked_seed

Check = Callable[[Any, str, str], None]

MAX_COUNT = 1_000_000
"""Of draws, points and bins, what nobody means to ask for more of."""


def shown(value: Any) -> str:
    """Return a value as an error text has it, however large it is."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"a {type(value).__name__}"


def probability(value: Any, where: str, name: str) -> None:
    """Allow one number between 0 and 1, without these."""
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not (number and 0 < value < 1):
        two = isinstance(value, list | tuple | np.ndarray) and len(np.shape(value)) == 1 and len(value) == 2
        ends = "; of 5 % to 95 % it is 0.9, the part between" if two else ""
        raise FitError(f"{where}: {name} is {shown(value)}; it is a probability between 0 and 1, such as 0.9{ends}")


def count(value: Any, where: str, name: str) -> None:
    """Allow a whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise FitError(f"{where}: {name} is {shown(value)}; give a whole number, 1 or more")


def size(value: Any, where: str, name: str) -> None:
    """Allow a whole number from 1 that something in memory has the length of."""
    count(value, where, name)
    if value > MAX_COUNT:
        raise FitError(f"{where}: {name} is {shown(value)}; give a whole number from 1 to {MAX_COUNT:,}")


def whole(value: Any, where: str, name: str) -> None:
    """Allow a whole number from 0."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
        raise FitError(f"{where}: {name} is {shown(value)}; give a whole number, 0 or more")


def seed(value: Any, where: str, name: str) -> None:
    """Allow what a seed can be, or none for one that is chosen."""
    checked_seed(value, where, name)


def flag(value: Any, where: str, name: str) -> None:
    """Allow true and false."""
    if not (isinstance(value, bool | np.bool_) or (isinstance(value, int) and value in (0, 1))):
        raise FitError(f"{where}: {name} is {shown(value)}; give True or False")


def text(value: Any, where: str, name: str) -> None:
    """Allow text."""
    if not isinstance(value, str):
        raise FitError(f"{where}: {name} is {shown(value)}; give text")


def names(value: Any, where: str, name: str) -> None:
    """Allow one name, or several in a list or the like."""
    found = [value] if isinstance(value, str) else value
    if isinstance(found, bytes | Mapping) or not hasattr(found, "__iter__") or not all(isinstance(one, str) for one in found):
        raise FitError(f"{where}: {name} is {shown(value)}; give a name or a list of names")


def some_names(value: Any, where: str, name: str) -> None:
    """Allow one name or more."""
    names(value, where, name)
    if len(value) == 0:
        raise FitError(f"{where}: {name} is {shown(value)}; give at least one name")


def path(value: Any, where: str, name: str) -> None:
    """Allow the path of a file."""
    if not isinstance(value, str | os.PathLike) or isinstance(value, bytes):
        raise FitError(f"{where}: {name} is {shown(value)}; give the path of a file")


def executor(value: Any, where: str, name: str) -> None:
    """Allow what runs work elsewhere, or none."""
    if value is not None and (isinstance(value, type) or not callable(getattr(value, "submit", None))):
        raise FitError(f"{where}: {name} is {shown(value)}; give an executor, such as concurrent.futures.ProcessPoolExecutor()")


def instance(kind: Callable[[], type], what: str) -> Check:
    """Allow an instance of a class, which is asked for when it is needed; ``what`` says how one is had."""

    def check(value: Any, where: str, name: str) -> None:
        if not isinstance(value, kind()):
            raise FitError(f"{where}: {name} is {getattr(value, 'instead', '') or f'{shown(value)}, not {what}'}")

    return check


def optional(check: Check) -> Check:
    """Allow none as well."""

    def checked_if_given(value: Any, where: str, name: str) -> None:
        if value is not None:
            check(value, where, name)

    return checked_if_given


def either(check: Check, *kinds: type) -> Check:
    """Allow instances of these classes as well, whatever they hold."""

    def checked_if_other(value: Any, where: str, name: str) -> None:
        if not isinstance(value, kinds):
            check(value, where, name)

    return checked_if_other


def checked[**P, R](where: str, **checks: Check) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that checks the arguments a caller gives, by their names; defaults are not looked at."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        # What annotations mean is nobody's concern here, and costs time at import.
        signature = cache(lambda: inspect.signature(function))

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                given = signature().bind(*args, **kwargs).arguments
            except TypeError:
                known = signature().parameters
                for name in kwargs:
                    if name not in known:
                        raise FitError(f"{where}: there is no option '{name}'{nearest(name, known)}") from None
                return function(*args, **kwargs)  # Python says best what else is wrong with a call.
            for name, value in given.items():
                if name in checks:
                    checks[name](value, where, name)
            return function(*args, **kwargs)

        return call

    return decorate

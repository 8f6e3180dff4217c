"""Priors with numbers: ``bd.priors.Normal(0, 1)`` is the same as the text ``"Normal(0, 1)"``.

Arguments are PyMC's, in PyMC's order. An argument may be another prior: ``Normal(0, HalfNormal(1))``.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from bayesdeep.core.errors import PriorError, nearest
from bayesdeep.core.priors import Prior, PriorSpec
from bayesdeep.core.registry import PRIORS

JOINT = ("block", "correlation", "simplex", "budget", "effects")
"""Supports of priors of several numbers at once."""


def make_prior(name: str, /, *values: Any, **options: Any) -> PriorSpec:
    """Return the prior ``name`` with arguments checked against what it knows.

    Parameters
    ----------
    name
        A file's name in this folder.
    values, options
        Arguments by position and by name; numbers or other priors.

    Raises
    ------
    PriorError
        For an unknown name or argument, too many, a missing one, or a number where it cannot be.
    """
    plugin = PRIORS.find(name, "prior", PriorError)
    shown = _written(plugin)
    usage = f"{name}({', '.join(shown[key] for key in plugin.arguments)})"
    if len(values) > len(plugin.arguments):
        raise PriorError(f"prior '{name}': {len(values)} arguments given; write {usage}")
    given: dict[str, Any] = dict(zip(plugin.arguments, values, strict=False))
    for asked, value in options.items():
        key = plugin.aliases.get(asked, asked)
        if key not in plugin.arguments:
            raise PriorError(
                f"prior '{name}': no argument '{asked}'{nearest(asked, shown.values())} (write {usage})"
            )
        if key in given:
            raise PriorError(f"prior '{name}': argument '{shown[key]}' is given twice; write {usage}")
        given[key] = value
    arguments = []
    for key in plugin.arguments:
        if key not in given and key not in plugin.defaults:
            raise PriorError(f"prior '{name}': argument '{shown[key]}' is missing; write {usage}")
        arguments.append(
            (key, _checked(plugin, key, given.get(key, plugin.defaults.get(key))))
        )
    spec = PriorSpec(name, tuple(arguments))
    lower, upper = spec.get("lower"), spec.get("upper")
    if isinstance(lower, float) and isinstance(upper, float) and not lower < upper:
        raise PriorError(
            f"prior '{spec}': 'lower' is {lower:g} and 'upper' is {upper:g}; lower must be below upper"
        )
    return spec


def _written(plugin: Prior) -> dict[str, str]:
    """Return how each argument is written: by the short name where it has one."""
    return {key: key for key in plugin.arguments} | {key: short for short, key in plugin.aliases.items()}


def _checked(plugin: Prior, key: str, value: Any) -> float | PriorSpec | None:
    name, shown = plugin.name, _written(plugin)[key]
    if isinstance(value, PriorSpec):
        return _nested(plugin, key, value)
    if value is None and plugin.defaults.get(key, 0.0) is None:
        return value  # a number that depends on the data, filled in later
    if isinstance(value, bool) or (not isinstance(value, int | float) and not hasattr(value, "__float__")):
        raise PriorError(f"prior '{name}': argument '{shown}' is {value!r}; give a number or another prior")
    number = float(value)
    if number != number or (abs(number) == float("inf") and key not in ("lower", "upper")):
        raise PriorError(f"prior '{name}': argument '{shown}' is {number}; give a finite number")
    if key in plugin.positive and number <= 0:
        raise PriorError(f"prior '{name}': argument '{shown}' is {number:g}; it must be positive")
    if key in plugin.unit and number >= 1:
        raise PriorError(f"prior '{name}': argument '{shown}' is {number:g}; it must lie between 0 and 1")
    return number


def _nested(plugin: Prior, key: str, value: PriorSpec) -> PriorSpec:
    """Return a prior that stands for an argument, or raise where none or not this one can stand."""
    support, shown = PRIORS[value.name].support, _written(plugin)[key]
    if plugin.support in JOINT:
        raise PriorError(f"prior '{plugin.name}': argument '{shown}' is {value}; it must be a number")
    if support in JOINT:
        raise PriorError(f"prior '{plugin.name}': argument '{shown}' cannot be {value}, which is a joint prior")
    lower = value.get("lower")
    above_zero = support == "bounded" and isinstance(lower, float) and lower >= 0
    if key in plugin.positive and support not in ("positive", "unit") and not above_zero:
        raise PriorError(f"prior '{plugin.name}': argument '{shown}' must be positive, and {value} is not always")
    upper = value.get("upper")
    below_one = above_zero and isinstance(upper, float) and upper <= 1
    if key in plugin.unit and support != "unit" and not below_one:
        raise PriorError(f"prior '{plugin.name}': argument '{shown}' lies between 0 and 1, and {value} does not always")
    return value


# Importing a file of this folder puts the module under its name here. So all are imported first, and what
# `bd.priors.Normal` finds is a function, whatever was imported before and is imported later.
for _name in PRIORS.own_names():
    PRIORS[_name]
    globals()[_name] = partial(make_prior, _name)


def __getattr__(name: str) -> Callable[..., PriorSpec]:
    if name.startswith("_"):
        raise AttributeError(name)
    if name in PRIORS:
        return partial(make_prior, name)
    raise AttributeError(f"no prior '{name}'{nearest(name, PRIORS.names())}")


def __dir__() -> list[str]:
    return ["make_prior", *PRIORS.names()]

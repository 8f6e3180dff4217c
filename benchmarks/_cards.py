"""A card: one model, its data and its priors, as one record that every tool reads.

Nothing but the standard library is imported here: this file is read in every peer's environment.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

TOOLS = ("bayesdeep", "nutpie", "bambi", "pymc", "numpyro", "statsmodels")

ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "Normal": ("mu", "sigma"),
    "HalfNormal": ("sigma",),
    "HalfStudentT": ("nu", "sigma"),
    "InverseGamma": ("alpha", "beta"),
    "LKJ": ("eta",),
}
"""Priors the cards use, with PyMC's names of their arguments."""


@dataclass(frozen=True)
class Group:
    """Coefficients that vary by group: ``(1 + floor | county)`` is ``Group(("county",), ("1", "floor"))``.

    Attributes
    ----------
    factor
        Columns whose combinations are the groups.
    coefficients
        ``"1"`` for the intercept, else names of columns.
    correlated
        Whether the coefficients of a group are correlated.
    """

    factor: tuple[str, ...]
    coefficients: tuple[str, ...] = ("1",)
    correlated: bool = True

    @property
    def name(self) -> str:
        """Return the factor's name, ``batch:cask``."""
        return ":".join(self.factor)


@dataclass(frozen=True)
class Card:
    """A model to fit.

    Attributes
    ----------
    name, title
        Short name, and a line for the tables.
    formula
        As bayesdeep and Bambi read it. ``population`` and ``groups`` say the same for models written by hand.
    frame
        Returns the data frame; called in bayesdeep's environment only.
    priors
        By posterior name, as text with explicit numbers. ``Intercept`` is the one at the columns' means.
    population
        Names of the columns with one coefficient for all; columns of text or categories are coded by treatment.
    response, trials
        Column of the response, and of the number of trials of a binomial one.
    tools
        Which tools fit it.
    before
        Returns a frame the same model is fitted to first, untimed, in the same process.
    draws, tune, chains
        Kept draws and tuning draws of each chain, and chains.
    """

    name: str
    title: str
    formula: str
    frame: Callable[[], Any]
    response: str
    priors: Mapping[str, str]
    population: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    family: str = "gaussian"
    trials: str | None = None
    tools: tuple[str, ...] = TOOLS
    before: Callable[[], Any] | None = None
    draws: int = 1000
    tune: int = 1000
    chains: int = 4

    def record(self) -> dict[str, Any]:
        """Return what a worker has to know, as JSON can hold it."""
        keep = ("name", "formula", "response", "family", "trials", "draws", "tune", "chains")
        return {
            **{key: getattr(self, key) for key in keep},
            "priors": dict(self.priors),
            "population": list(self.population),
            "groups": [[list(g.factor), list(g.coefficients), g.correlated] for g in self.groups],
        }


@dataclass(frozen=True)
class Benchmark:
    """Cards that are run, tabulated and drawn together.

    Attributes
    ----------
    title
        One line.
    cards
        What is fitted.
    long
        Names of cards that take minutes to hours; they run only with ``--long``.
    appendix
        ``appendix(results, cards) -> Markdown`` for what the common table cannot hold.
    picture
        ``picture(results, path)`` in place of the common bars.
    """

    title: str
    cards: tuple[Card, ...]
    long: frozenset[str] = field(default_factory=frozenset)
    appendix: Callable[[list[dict[str, Any]], tuple[Card, ...]], str] | None = None
    picture: Callable[[list[dict[str, Any]], Any], None] | None = None


def prior(text: str) -> tuple[str, dict[str, float]]:
    """Return a prior's name and its arguments by PyMC's names.

    >>> prior("HalfStudentT(3, 0.85)")
    ('HalfStudentT', {'nu': 3.0, 'sigma': 0.85})
    """
    match = re.fullmatch(r"\s*(\w+)\(([^()]*)\)\s*", text)
    if match is None or match[1] not in ARGUMENTS:
        raise ValueError(f"card: prior '{text}' is none of {', '.join(ARGUMENTS)} with numbers")
    values = [float(part) for part in match[2].split(",")]
    names = ARGUMENTS[match[1]]
    if len(values) != len(names):
        raise ValueError(f"card: prior '{text}' takes {len(names)} numbers ({', '.join(names)})")
    return match[1], dict(zip(names, values, strict=True))


def is_effect(name: str) -> bool:
    """Return whether a scalar is a group's effect, ``1|county[Aitkin]``, rather than a parameter of all groups."""
    base = name.split("[")[0]
    return "|" in base and not base.endswith("_sigma")


def indexed(name: str, label: str | None) -> str:
    """Return ``name[label]``, or the name alone where there is no label."""
    return name if label is None else f"{name}[{label}]"

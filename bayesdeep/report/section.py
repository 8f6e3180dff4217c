"""The contract of a report's section and what a section may read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from bayesdeep.compare.compared import Compared
from bayesdeep.core.errors import BayesdeepError
from bayesdeep.diagnostics.diagnose import Diagnosis, diagnose
from bayesdeep.diagnostics.predictive_checks import applies, predictive_checks
from bayesdeep.results.fitted import Fitted

from .document import Block, Callout

INTERVAL = 0.9
"""Probability of the intervals in a report."""


@dataclass(frozen=True)
class Subject:
    """What a report is about.

    Attributes
    ----------
    fits
        Fits by the name a reader knows them by.
    comparison
        Their comparison, if there are several.
    main
        Name of the fit that is looked at closely.
    extra
        What a caller adds: ``question`` (text), ``data`` (its name), ``about`` (a sentence a fit), ``card`` (text of a
        model card), ``failed`` (by name, why a model could not be fitted).
    made
        Predictive checks by fit, as far as they were asked for.
    """

    fits: Mapping[str, Fitted]
    comparison: Compared | None = None
    main: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    made: dict[str, pd.DataFrame | None] = field(default_factory=dict, repr=False, compare=False)

    @property
    def fit(self) -> Fitted:
        """Return the fit that is looked at closely."""
        return self.fits[self.main]

    @cached_property
    def diagnoses(self) -> Mapping[str, Diagnosis]:
        """Return every fit's diagnosis by name."""
        return {name: diagnose(fit.idata) for name, fit in self.fits.items()}

    def checks(self, name: str) -> pd.DataFrame | None:
        """Return a fit's predictive checks, made once; None where its draws are no good or nothing can be predicted from them."""
        if name not in self.made:
            fit = self.fits[name]
            try:
                self.made[name] = predictive_checks(fit) if self.trusted(name) and applies(fit) else None
            except BayesdeepError:
                self.made[name] = None
        return self.made[name]

    def trusted(self, name: str | None = None) -> bool:
        """Return whether a fit's numbers may be used; the main one's without a name."""
        return self.diagnoses[self.main if name is None else name].verdict != "do not trust"

    @property
    def baselines(self) -> list[str]:
        """Return the names of models in the comparison's table that are no fits of ours."""
        return [] if self.comparison is None else [str(n) for n in self.comparison.table.index if n not in self.fits]

    def untrusted(self) -> list[str]:
        """Return the names of the fits whose numbers may not be used."""
        return [name for name in self.fits if not self.trusted(name)]

    def warning(self, name: str | None = None) -> tuple[Callout, ...]:
        """Return the reason why a fit's numbers may not be used, or nothing."""
        name = self.main if name is None else name
        if self.trusted(name):
            return ()
        said = f"The numbers of “{name}”, which are struck through: {self.diagnoses[name].sentence}."
        return (Callout("bad", said),)


@dataclass(frozen=True)
class Section:
    """A part of a report. One file in ``report/sections/`` defines one as ``SECTION``.

    Attributes
    ----------
    title
        Its heading.
    order
        Where it stands; smaller comes first.
    applies
        ``applies(subject)``: whether it has something to say.
    blocks
        ``blocks(subject)``: what it says.
    example
        A subject that it has something to say about, in a test: ``"fit"`` (of a multilevel model), ``"network"``,
        ``"smooth"``, ``"budget"`` (of variance, a prior under the key R2) or ``"comparison"``.
    once
        Whether it says how a model was made, which of several responses is said of all of them together.
    """

    title: str
    order: int
    applies: Callable[[Subject], bool]
    blocks: Callable[[Subject], tuple[Block, ...]]
    example: str = ""
    once: bool = False

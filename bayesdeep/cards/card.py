"""The record of a card: a model as it is written in a file, the data it names, and how it is to be fitted."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesdeep.core.errors import BayesdeepError, CardError, FormulaError
from bayesdeep.core.priors import Known
from bayesdeep.core.registry import FAMILIES
from bayesdeep.formula.group_sds import is_group_sd

from .card_source import is_file_name, read_table
from .labelled_table import read_labelled

if TYPE_CHECKING:
    import pandas as pd

SHARED = ("draws", "tune", "chains", "seed", "device")
"""Settings that every method takes; the others are a method's own."""


@dataclass(frozen=True)
class Card:
    """A model as it is written in a file.

    Attributes
    ----------
    formula
        Formula of the family's main parameter, with the response.
    data
        Name of an example data set, or of a CSV or Parquet file relative to the card.
    title, about
        A line, and a few sentences, for people.
    family
        Name of the response distribution.
    link
        Link of the main parameter, or links by parameter; None for the family's default.
    missing
        ``"error"`` or ``"drop"``.
    priors
        Priors as text by posterior name.
    parameters
        Formulas and known values of the other parameters.
    nonlinear
        Formulas of the parameters of a non-linear formula.
    arrays
        Files of the matrices that formulas name, relative to the card, by the matrices' names.
    fit_options
        What ``[fit]`` says: ``method``, ``draws``, ``tune``, ``chains``, ``seed``, ``device``, options of the method.
    path
        The card's file; None for a card that is not from a file.
    """

    formula: str
    data: str
    title: str = ""
    about: str = ""
    family: str = "gaussian"
    link: str | Mapping[str, str] | None = None
    missing: str = "error"
    priors: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str | Known] = field(default_factory=dict)
    nonlinear: Mapping[str, str] = field(default_factory=dict)
    arrays: Mapping[str, str] = field(default_factory=dict)
    fit_options: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None

    def load_data(self) -> "pd.DataFrame":
        """Return the data the card names."""
        if not is_file_name(self.data):
            from bayesdeep.datasets import load_dataset

            return load_dataset(self.data)
        file = Path(self.data) if self.path is None else self.path.parent / self.data
        if file.is_dir():
            raise CardError(f"card '{self.path}': '{file}' is a folder (data = \"{self.data}\")")
        if not file.is_file():
            raise CardError(f"card '{self.path}': there is no file '{file}' (data = \"{self.data}\")")
        return read_table(file)

    def load_arrays(self) -> "dict[str, pd.DataFrame]":
        """Return the matrices the card names."""
        folder = Path() if self.path is None else self.path.parent
        for name, file in self.arrays.items():
            if not (folder / file).is_file():
                raise CardError(f"card '{self.path}': there is no file '{folder / file}' (arrays.{name} = \"{file}\")")
        return {name: read_labelled(folder / file) for name, file in self.arrays.items()}

    def settings(self, **overrides: Any) -> dict[str, Any]:
        """Return ``fit_options`` with overrides put in; None overrides nothing.

        Another method than the card's keeps what every method takes, and leaves the options of the card's method out.
        """
        changes = {name: value for name, value in overrides.items() if value is not None}
        own = dict(self.fit_options)
        if changes.get("method", own.get("method")) != own.get("method"):
            own = {name: value for name, value in own.items() if name in SHARED}
        return {name: value for name in ("method", *own, *changes) if (value := (own | changes).get(name)) is not None}

    def check_parameters(self) -> None:
        """Raise for names the family does not have: they go to the model as keywords, beside its own ones."""
        family = FAMILIES.find(self.family, "family", FormulaError)
        names = [p.name for p in family.parameters]
        for name in self.parameters:
            if name not in names and not is_group_sd(name):
                raise family.lacks(name)

    @contextmanager
    def named(self) -> Iterator[None]:
        """Note on errors which card they are about."""
        try:
            yield
        except BayesdeepError as error:
            if self.path is not None and str(self.path) not in str(error):
                error.add_note(f"in card '{self.path}'")
            raise

"""Plug-ins join by being in their folder: one file each, the file's name is the plug-in's name."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from .errors import BayesdeepError, nearest


class Registry(Mapping[str, Any]):
    """The plug-ins of one folder, imported when first asked for.

    Parameters
    ----------
    package
        Dotted name of the folder, such as ``"bayesdeep.families"``.
    attribute
        The name every file of the folder gives its plug-in, such as ``"FAMILY"``.
    word
        What to call one of them in an error text, such as ``"family"``.
    """

    def __init__(self, package: str, attribute: str, word: str) -> None:
        self._package, self._attribute, self._word = package, attribute, word
        self._loaded: dict[str, Any] = {}
        self._names: tuple[str, ...] | None = None

    def names(self) -> tuple[str, ...]:
        """Return the public names, sorted; files that begin with ``_`` are helpers, not plug-ins."""
        if self._names is None:
            path = import_module(self._package).__path__
            self._names = tuple(sorted(m.name for m in iter_modules(path) if not m.name.startswith("_")))
        return self._names

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            if name not in self.names():
                raise KeyError(name)
            self._loaded[name] = getattr(import_module(f"{self._package}.{name}"), self._attribute)
        return self._loaded[name]

    def find(self, name: str, where: str, error: type[BayesdeepError]) -> Any:
        """Return the plug-in, or raise ``error`` with the nearest name; ``where`` begins its text."""
        if not isinstance(name, str) or name not in self.names():
            raise error(f"{where}: unknown {self._word} '{name}'{nearest(name, self.names())}")
        return self[name]

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())


FAMILIES = Registry("bayesdeep.families", "FAMILY", "family")
TERMS = Registry("bayesdeep.terms", "TERM", "term")
TRANSFORMS = Registry("bayesdeep.transforms", "TRANSFORM", "function")
RESPONSES = Registry("bayesdeep.responses", "RESPONSE", "response function")
PRIORS = Registry("bayesdeep.priors", "PRIOR", "prior")
ENGINES = Registry("bayesdeep.engines", "ENGINE", "method")
BASELINES = Registry("bayesdeep.baselines", "BASELINE", "baseline")
SECTIONS = Registry("bayesdeep.report.sections", "SECTION", "section")

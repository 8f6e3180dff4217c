"""Plug-ins join by being in their folder, by :func:`register`, or by an entry point of another installed package.

One file or folder each; its name is the plug-in's name. A package of its own offers plug-ins by an entry point of the group
``bayesdeep.plugins`` that names a plug-in, or a list of them; these are loaded when a registry is listed, or asked for a name it
does not have itself.
"""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from importlib import import_module
from inspect import signature
from pkgutil import iter_modules
from types import FunctionType
from typing import Any

from .errors import BayesdeepError, nearest

GROUP = "bayesdeep.plugins"
"""Group of the entry points by which other packages offer plug-ins."""


class UnknownPlugin(BayesdeepError, KeyError):
    """A plug-in that is not there, where its name was written down before, as in a saved model or another process."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class Registry(Mapping[str, Any]):
    """The plug-ins of one kind, imported when first asked for.

    Parameters
    ----------
    package
        Dotted name of the folder, such as ``"bayesdeep.families"``.
    attribute
        The name every file of the folder gives its plug-in, such as ``"FAMILY"``; None where ``own`` has them.
    word
        What to call one of them in an error text, such as ``"family"``.
    kind
        Module and name of their record, ``"bayesdeep.core.records:Family"``: what is registered is told apart by it.
    own
        Plug-ins that are no files, by name.
    """

    def __init__(
        self, package: str, attribute: str | None, word: str, kind: str, own: Mapping[str, Any] | None = None
    ) -> None:
        self._package, self._attribute, self.word, self.kind = package, attribute, word, kind
        self._loaded: dict[str, Any] = dict(own or {})
        self._own: tuple[str, ...] | None = tuple(self._loaded) if attribute is None else None
        self._added: dict[str, Any] = {}

    def own_names(self) -> tuple[str, ...]:
        """Return the names of the package's own plug-ins; files that begin with ``_`` are helpers."""
        if self._own is None:
            path = import_module(self._package).__path__
            self._own = tuple(sorted(m.name for m in iter_modules(path) if not m.name.startswith("_")))
        return self._own

    def names(self) -> tuple[str, ...]:
        """Return all names: the package's own, sorted, and what has been added."""
        load_entry_points()
        added = [name for name in self._added if not name.endswith(")")]
        return (*self.own_names(), *added) if self._attribute is None else tuple(sorted({*self.own_names(), *added}))

    def __getitem__(self, name: str) -> Any:
        if name in self._added:
            return self._added[name]
        if name not in self._loaded:
            if name not in self.own_names():
                return self._elsewhere(name)
            self._loaded[name] = getattr(import_module(f"{self._package}.{name}"), str(self._attribute))
        return self._loaded[name]

    def _elsewhere(self, name: str) -> Any:
        """Return a plug-in of another package, or one with options: ``"student(nu=4)"``."""
        load_entry_points()
        if name in self._added:
            return self._added[name]
        made = with_options(self, name) if isinstance(name, str) and name.endswith(")") else None
        if made is None:
            raise UnknownPlugin(
                f"unknown {self.word} '{name}'{self._instead(name)}; a plug-in of your own must be there in every "
                f"process and session that uses it: bd.register(…) it first"
            )
        self._loaded[name] = made
        return made

    def find(self, name: Any, where: str, error: type[BayesdeepError]) -> Any:
        """Return the plug-in, or raise ``error`` with the nearest name; ``where`` begins its text.

        A record itself may stand for its name: it is registered.
        """
        if self.holds(name):
            return self.add(name)
        if not isinstance(name, str) or name not in self:
            raise error(f"{where}: unknown {self.word} '{name}'{self._instead(name)}")
        return self[name]

    def _instead(self, name: Any) -> str:
        """Return what to write for a name that is not there: what others call so, or the nearest one."""
        wanted = plain_name(str(name).partition("(")[0])
        left: Mapping[str, str] = getattr(import_module(self._package), "ELSEWHERE", {})
        said = next((text for other, text in left.items() if plain_name(other) == wanted), None)
        if said is not None:
            return f": {said}"
        meant = next((own for own in self.names() if wanted in {plain_name(other) for other in (own, *self.aliases(own))}), None)
        if meant is None or meant == str(name).partition("(")[0]:  # that is its name, and its options are what is wrong
            return self._written(meant, str(name)) or self._close(str(name))
        return f"; here it is '{meant}'"

    def _written(self, meant: str | None, name: str) -> str:
        """Return how the options of a plug-in that has some are written, where a name has brackets."""
        variant = None if meant is None or "(" not in name else getattr(self[meant], "variant", None)
        if variant is None:
            return ""
        options = (f"{p.name}={p.default!r}" for p in signature(variant).parameters.values() if p.default is not p.empty)
        return f"; its options have names, as in {meant}({', '.join(options)})"

    def _close(self, name: str) -> str:
        """Return the nearest name, also by way of a name that others have for it, or what there is."""
        others = {other: own for own in self.names() for other in (own, *self.aliases(own))}
        close = get_close_matches(name, list(others), n=1, cutoff=0.8)
        return f"; did you mean '{others[close[0]]}'?" if close else nearest(name, self.names())

    def aliases(self, name: str) -> tuple[str, ...]:
        """Return by which names others have what a plug-in is, as far as its record says so."""
        found = getattr(self[name], "aliases", ())
        return tuple(found) if isinstance(found, tuple | list) else ()

    def holds(self, plugin: Any) -> bool:
        """Return whether something is a record of this kind."""
        return any(f"{c.__module__}:{c.__qualname__}" == self.kind for c in type(plugin).__mro__)

    def add(self, plugin: Any, replace: bool = False) -> Any:
        """Add a record under its own name and return it; with ``replace`` in the place of another that was added.

        Raises
        ------
        BayesdeepError
            When the name stands for something else.
        """
        name = name_of(plugin)
        if not name:
            raise BayesdeepError(f"register: the {self.word} has no name; give its record one")
        there = self[name] if name in self._added or name in self.own_names() else None
        if there is not None and not alike(there, plugin):
            if name in self.own_names():
                raise BayesdeepError(f"register: the name '{name}' is taken by a {self.word} of this package; choose another one")
            if not replace:
                raise BayesdeepError(
                    f"register: the name '{name}' is taken by another {self.word}; choose another name, or write "
                    "bd.register(…, replace=True) where no model in use has the old one"
                )
        if name not in self.own_names():
            self._added[name] = plugin
            self._loaded = {k: v for k, v in self._loaded.items() if not k.startswith(f"{name}(")}
        return plugin

    def __contains__(self, name: object) -> bool:
        if name in self._added or name in self.own_names():
            return True
        load_entry_points()
        if name in self._added:
            return True
        return isinstance(name, str) and name.endswith(")") and with_options(self, name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())


def plain_name(name: str) -> str:
    """Return a name without what packages differ in: capitals, and what stands between words."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def name_of(plugin: Any) -> str:
    """Return the name a record is registered under: its own, or of a record without one a title in small letters."""
    given = getattr(plugin, "name", None)
    return str(given).replace(" ", "_") if given else str(getattr(plugin, "title", "")).lower().replace(" ", "_")


def with_options(registry: Registry, text: str) -> Any:
    """Return what ``name(option=value, …)`` stands for, or None. The text is data: values are read, nothing is run."""
    import ast

    try:
        call = ast.parse(text, mode="eval").body
        if not isinstance(call, ast.Call) or call.args or not isinstance(call.func, ast.Name) or len(text) > 2000:
            return None
        options = {str(k.arg): ast.literal_eval(k.value) for k in call.keywords if k.arg is not None}
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    plugin = registry.get(call.func.id)
    return None if plugin is None or getattr(plugin, "variant", None) is None else plugin.of(**options)


def alike(one: Any, other: Any) -> bool:
    """Return whether two values are defined alike: a record defined again by the same lines is the same one."""
    if one is other:
        return True
    if isinstance(one, FunctionType) and isinstance(other, FunctionType):
        cells = [[c.cell_contents for c in f.__closure__ or ()] for f in (one, other)]
        return one.__code__ == other.__code__ and alike(one.__defaults__, other.__defaults__) and alike(*cells)
    if type(one) is not type(other):
        return bool(isinstance(one, type) and isinstance(other, type) and one.__qualname__ == other.__qualname__)
    if is_dataclass(one) and not isinstance(one, type):
        return all(alike(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(alike(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(alike(a, b) for a, b in zip(one, other, strict=True))
    return bool(repr(one) == repr(other))


FAMILIES = Registry("bayesdeep.families", "FAMILY", "family", "bayesdeep.core.records:Family")
TERMS = Registry("bayesdeep.terms", "TERM", "term", "bayesdeep.core.terms:Term")
TRANSFORMS = Registry("bayesdeep.transforms", "TRANSFORM", "function", "bayesdeep.core.columns:Transform")
RESPONSES = Registry("bayesdeep.responses", "RESPONSE", "response function", "bayesdeep.core.columns:ResponseFunction")
PRIORS = Registry("bayesdeep.priors", "PRIOR", "prior", "bayesdeep.core.priors:Prior")
ENGINES = Registry("bayesdeep.engines", "ENGINE", "method", "bayesdeep.core.draws:Engine")
BASELINES = Registry("bayesdeep.baselines", "BASELINE", "baseline", "bayesdeep.core.baselines:Baseline")
SECTIONS = Registry("bayesdeep.report.sections", "SECTION", "section", "bayesdeep.report.section:Section")


def registries() -> tuple[Registry, ...]:
    """Return every registry, the links' too."""
    links: Registry = import_module("bayesdeep.core.links").LINKS
    return FAMILIES, TERMS, TRANSFORMS, RESPONSES, PRIORS, ENGINES, BASELINES, SECTIONS, links


def register(plugin: Any, *, replace: bool = False) -> Any:
    """Add a plug-in, a record of any kind: family, term, prior, link, engine, transform, response, section or baseline.

    It can then be used by its name wherever the package's own can. What is registered is there in this process only: a script
    that works in several processes, or loads what was saved, registers first.

    Parameters
    ----------
    plugin
        The record; its type says which kind it is.
    replace
        Whether it may take the place of another one that was registered under its name.

    Returns
    -------
    The plug-in, so that a file may say ``FAMILY = bd.register(Family(…))``.

    Raises
    ------
    BayesdeepError
        When it is no plug-in, or its name is taken by something else.
    """
    for registry in registries():
        if registry.holds(plugin):
            return registry.add(plugin, replace)
    words = ", ".join(registry.word for registry in registries())
    raise BayesdeepError(f"register: {type(plugin).__name__} is no plug-in; give the record of one of: {words}")


_looked_for_others = False


def load_entry_points() -> None:
    """Register what other installed packages offer, once; what cannot be loaded is warned of and left out."""
    global _looked_for_others
    if _looked_for_others:
        return
    _looked_for_others = True
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP):
        try:
            found = point.load()
            for plugin in found if isinstance(found, list | tuple) else [found]:
                register(plugin)
        except Exception as error:
            # Another package's mistake must not take this one's own plug-ins away.
            warnings.warn(f"plug-in '{point.name}' ({point.value}) cannot be used: {type(error).__name__}: {error}", stacklevel=2)

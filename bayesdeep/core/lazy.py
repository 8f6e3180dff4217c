"""Modules that are imported when first used, so that ``import bayesdeep`` stays fast.

PyMC and PyTensor take over two seconds to import, xarray half a second, narwhals a fifth. Plug-ins are read (to list
families, to check a formula) far more often than they are run, and a linear model of a pandas table is fitted without any of
them, so that they are reached through these stand-ins. A module that names xarray's classes in annotations has
``from __future__ import annotations``.
"""

import random
import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from threading import RLock
from types import ModuleType
from typing import TYPE_CHECKING, Any


class LazyModule:
    """Stand in for the module ``name`` until one of its attributes is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if self._name in sys.modules:
            return getattr(sys.modules[self._name], attribute)
        postpone("arviz")
        # PyMC draws from Python's random numbers while it is imported: a user's own seed must give what it always does.
        state = random.getstate()
        try:
            return getattr(import_module(self._name), attribute)
        finally:
            random.setstate(state)

    def __repr__(self) -> str:
        return f"<lazy module {self._name}>"


class PostponedModule(ModuleType):
    """A module that has been found, and runs when one of its attributes is first used.

    The standard library's ``LazyLoader`` runs a module as soon as a second ``import`` statement names it.
    """

    _lock, _running = RLock(), False

    def __getattr__(self, attribute: str) -> Any:
        with PostponedModule._lock:
            if type(self) is PostponedModule:
                if self._running:
                    raise AttributeError(f"module '{self.__name__}' has no attribute '{attribute}' yet")
                self._running = True
                try:
                    loader: Any = self.__spec__.loader  # type: ignore[union-attr]
                    loader.exec_module(self)
                finally:
                    del self._running
                self.__class__ = ModuleType  # type: ignore[assignment]
        return getattr(self, attribute)


def postpone(name: str) -> None:
    """Let a module be there without having run, for everybody who imports it and does not use it.

    PyMC imports nutpie, and nutpie ArviZ, which takes more time than both (with JAX and Matplotlib, where they are installed),
    for a function that nobody here calls.
    """
    if name in sys.modules or (spec := find_spec(name)) is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    module.__class__ = PostponedModule
    sys.modules[name] = module


pm: Any = LazyModule("pymc")
pt: Any = LazyModule("pytensor.tensor")
if TYPE_CHECKING:
    import narwhals as nw
    import xarray as xr
else:
    nw = LazyModule("narwhals")
    xr = LazyModule("xarray")

__all__ = ["LazyModule", "nw", "pm", "pt", "xr"]

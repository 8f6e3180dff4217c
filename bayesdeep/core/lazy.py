"""Modules that are imported when first used, so that ``import bayesdeep`` stays fast.

PyMC and PyTensor take over two seconds to import, xarray half a second, narwhals a fifth. Plug-ins are read (to list
families, to check a formula) far more often than they are run, and a linear model of a pandas table is fitted without any of
them, so that they are reached through these stand-ins. A module that names xarray's classes in annotations has
``from __future__ import annotations``.
"""

import random
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any


class LazyModule:
    """Stand in for the module ``name`` until one of its attributes is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if self._name in sys.modules:
            return getattr(sys.modules[self._name], attribute)
        # PyMC draws from Python's random numbers while it is imported: a user's own seed must give what it always does.
        state = random.getstate()
        try:
            return getattr(import_module(self._name), attribute)
        finally:
            random.setstate(state)

    def __repr__(self) -> str:
        return f"<lazy module {self._name}>"


pm: Any = LazyModule("pymc")
pt: Any = LazyModule("pytensor.tensor")
if TYPE_CHECKING:
    import narwhals as nw
    import xarray as xr
else:
    nw = LazyModule("narwhals")
    xr = LazyModule("xarray")

__all__ = ["LazyModule", "nw", "pm", "pt", "xr"]

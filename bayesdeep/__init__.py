"""Bayesian multilevel and deep probabilistic models in one formula language.

The names below are imported when first used, so that ``import bayesdeep`` costs next to nothing.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_HOME = {
    "BayesdeepError": "core.errors",
    "CardError": "core.errors",
    "DataError": "core.errors",
    "FitError": "core.errors",
    "FormulaError": "core.errors",
    "PriorError": "core.errors",
    "Fit": "fit",
    "ImputedFit": "imputed_fit",
    "ImputedModel": "imputed_model",
    "JointFit": "joint_fit",
    "JointModel": "joint_model",
    "Model": "model",
    "compare": "comparison",
    "explain": "explanation",
    "known": "model",
    "list_datasets": "datasets",
    "load": "loading",
    "methods": "methods_list",
    "mixture": "families.mixture",
    "load_dataset": "datasets",
    "register": "core.registry",
    "report": "report",
}
_MODULES = ("plot", "priors", "sklearn")

__all__ = [*sorted(_HOME), *_MODULES]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"bayesdeep.{name}")
    if name in _HOME:
        return getattr(import_module(f"bayesdeep.{_HOME[name]}"), name)
    from bayesdeep.core.errors import nearest

    raise AttributeError(f"module 'bayesdeep' has no attribute '{name}'{nearest(name, __all__)}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


class _Front(ModuleType):
    """Python puts a subpackage under its name into the package, where it would hide the function of that name."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Front

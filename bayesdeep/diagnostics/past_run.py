"""What a fit was made with, so that advice names only options that its method has, and a better method where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from bayesdeep.core.errors import BayesdeepError
from bayesdeep.core.lazy import xr
from bayesdeep.core.registry import ENGINES
from bayesdeep.inference.propriety import separating
from bayesdeep.inference.select_engine import choose
from bayesdeep.results.labelled import Tree, as_datatree
from bayesdeep.results.rows import StreamedRows, TrainingRows
from bayesdeep.results.tree import rows_from_tree
from bayesdeep.spec.model_spec import ModelSpec

HIGHEST_ACCEPT = 0.99


@dataclass(frozen=True)
class PastRun:
    """A method and its settings.

    Attributes
    ----------
    method
        As ``fit`` knows it.
    settings
        Options by name, as they were.
    tree
        The fit, for the question which method suits its model; None where this is not to be asked.
    """

    method: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    tree: Tree | xr.DataTree | None = None

    @classmethod
    def of(cls, tree: Tree | xr.DataTree) -> PastRun:
        """Return what a tree's attributes say; what they leave out is as the method has it."""
        attrs = tree.attrs
        method = str(attrs.get("method", "nuts"))
        given = attrs.get("settings")
        own: dict[str, Any] = {}
        if not isinstance(given, dict) and method in ENGINES:
            own = {f.name: getattr(ENGINES[method].settings(), f.name) for f in fields(ENGINES[method].settings)}
        return cls(method, {**own, **(given if isinstance(given, dict) else {})}, tree)

    def has(self, option: str) -> bool:
        """Return whether the method has an option."""
        return option in self.settings

    def again(self, **options: Any) -> str:
        """Return ``"Fit again with tune=2000"``: those of the options that the method has, and more chains if there was one."""
        told = {name: value for name, value in options.items() if self.has(name)}
        if self.settings.get("chains") == 1:
            told["chains"] = 4
        words = [f"{name}={value!r}" for name, value in told.items()]
        return f"Fit again with {' and '.join([', '.join(words[:-1]), words[-1]] if words[1:] else words)}" if words else ""

    def longer(self, *names: str) -> dict[str, int]:
        """Return twice the draws or tuning there were, by option."""
        return {name: 2 * int(self.settings[name]) for name in names if self.has(name)}

    def higher_acceptance(self) -> float | None:
        """Return an acceptance to aim at that is higher by so much that it matters; None where there is none."""
        now = self.settings.get("target_accept")
        if not isinstance(now, float | int) or now >= HIGHEST_ACCEPT:
            return None
        return min(HIGHEST_ACCEPT, round(1 - (1 - now) / 4, 2))

    def model(self) -> tuple[ModelSpec, TrainingRows] | None:
        """Return the model and its rows, where the tree has them."""
        if self.tree is None or not isinstance(self.tree.attrs.get("spec"), dict):
            return None
        whole = as_datatree(self.tree)
        if "observed_data" not in whole.children:
            return None
        try:
            spec = ModelSpec.from_json(self.tree.attrs["spec"])
            return spec, rows_from_tree(whole, spec)
        except (BayesdeepError, KeyError):  # of a family or term that is not there, there is nothing to advise
            return None

    def better(self) -> str | None:
        """Return the exact method that ``fit()`` takes for such a model, if that is another one and was not tried."""
        model = self.model()
        if model is None or self.tree is None:
            return None
        spec, rows = model
        best = choose(spec, rows.rows, None, None if isinstance(rows, StreamedRows) else rows.arrays).method
        tried = {self.method, *self.tree.attrs.get("tried", ())}
        return best if best not in tried and ENGINES[best].exact else None

    def separating(self) -> tuple[str, ...]:
        """Return the coefficients whose columns separate the response: the data put no end to them."""
        model = self.model()
        if model is None or isinstance(model[1], StreamedRows):
            return ()
        return separating(model[0], model[1].arrays, model[1].response)

    def by_better(self) -> str | None:
        """Return the sentence that names that method."""
        best = self.better()
        return None if best is None else f"Fit again with method='{best}', which fit() takes for this model"

"""The record of a leave-one-out estimate: ArviZ's fields and text, without importing ArviZ or xarray before they are used."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from bayesdeep.core.lazy import xr
from bayesdeep.results.labelled import Array

NOTHING: Any = None
ROW_ARRAYS = ("elpd_i", "pareto_k", "log_weights")


class _ByRow:
    """A field that is set to plain labelled numbers, and read as ``xarray.DataArray``."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"_{name}"

    def __get__(self, record: Any, owner: type) -> Any:
        if record is None:
            return None  # The field's default.
        value = vars(record)[self._name]
        if isinstance(value, Array):
            value = xr.DataArray(value.values, dims=value.dims, coords=dict(value.coords), name="y")
            vars(record)[self._name] = value
        return value

    def __set__(self, record: Any, value: Any) -> None:
        vars(record)[self._name] = value


@dataclass(kw_only=True, repr=False, eq=False)
class Loo:
    """A leave-one-out estimate, with sentences on what to mind; ArviZ's functions take it as one of theirs.

    ``elpd`` is the expected log predictive density of all rows, higher is better; only differences between models of
    the same rows mean anything, and those below 4, or below twice their standard error, mean little. ``p`` far above
    the number of parameters, or a fifth of the number of rows, hints at a misspecified model. ``pareto_k`` above
    ``good_k`` (0.7, less for few draws): the posterior without that row is too different; its ``elpd_i`` is a guess.

    Attributes
    ----------
    elpd, se, p
        The estimate, its standard error, and the effective number of parameters.
    n_samples, n_data_points
        Numbers of draws and of rows.
    elpd_i, pareto_k, log_weights
        By row ``(obs,)``, ``(obs,)`` and ``(obs, chain, draw)``, read as ``xarray.DataArray``; None where they were not kept.
    integrated
        Effects of which groups were integrated out of the likelihood of how many rows, in words. Such a row has the likelihood
        that the other rows of its group give it, and ``p`` counts no effects of these groups.
    """

    elpd: float
    se: float
    p: float
    n_samples: int
    n_data_points: int
    scale: str = "log"
    warning: bool = False
    good_k: float = NOTHING
    elpd_i: Any = _ByRow()
    pareto_k: Any = _ByRow()
    log_weights: Any = _ByRow()
    approx_posterior: bool = False
    advice: tuple[str, ...] = ()
    integrated: tuple[str, ...] = ()

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """Return ArviZ's class of such records where ArviZ is in use, so that its functions take this for one of theirs."""
        module = sys.modules.get("arviz_stats.utils")
        return Loo if module is None else module.ELPDDataLOO

    @property
    def kind(self) -> str:
        """Return the name of the estimator, as ArviZ calls it."""
        return "loo"

    def numbers(self, name: str) -> np.ndarray:
        """Return ``elpd_i``, ``pareto_k`` or ``log_weights`` as a plain array."""
        return np.asarray(vars(self)[f"_{name}"])

    def with_(self, **changes: Any) -> Loo:
        """Return the record with other fields."""
        kept = {name: vars(self)[f"_{name}"] for name in ROW_ARRAYS}
        others = {f.name: getattr(self, f.name) for f in fields(Loo) if f.name not in ROW_ARRAYS}
        return Loo(**{**others, **kept, **changes})

    def without(self, *names: str) -> Loo:
        """Return the record without some of what it has by row."""
        return self.with_(**dict.fromkeys(names))

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key)

    def __repr__(self) -> str:
        return "\n".join([self._text(), *(f"! {sentence}" for sentence in self.advice)])

    def _text(self) -> str:
        lines = [
            f"Computed from {self.n_samples} posterior samples and {self.n_data_points} observations log-likelihood matrix.",
            *(f"{sentence[0].upper()}{sentence[1:]}." for sentence in self.integrated),
            "",
            f"{'':8} Estimate       SE",
            f"elpd_loo {self.elpd:8.2f}  {self.se:7.2f}",
            f"{'p_loo':8} {self.p:8.2f}        -",
        ]
        if self.warning:
            lines += ["", "There has been a warning during the calculation. Please check the results."]
        if vars(self)["_pareto_k"] is None or self.good_k is None:
            return "\n".join(lines)
        counts = np.histogram(self.numbers("pareto_k"), bins=[-np.inf, self.good_k, 1, np.inf])[0]
        shares, wide = counts / max(counts.sum(), 1) * 100, max(4, len(str(counts.max())))
        limit = f"{self.good_k:.2f}"
        ranges = (f"(-Inf, {limit}]   (good)    ", f"   ({limit}, 1]   (bad)     ", "    (1, Inf)   (very bad)")
        lines[-1] += "------" if not self.warning else ""
        lines += ["------"] if self.warning else []
        lines += ["", "Pareto k diagnostic values:", f"{'':25}{'Count':>{wide}} {'Pct.':>6}"]
        lines += [f"{name} {n:{wide}d} {share:6.1f}%" for name, n, share in zip(ranges, counts, shares, strict=True)]
        return "\n".join(lines)

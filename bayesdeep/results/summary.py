"""ArviZ's summary of a posterior, for all of its quantities at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayesdeep.core.arguments import shown as shown_value
from bayesdeep.core.errors import FitError
from bayesdeep.core.lazy import xr
from bayesdeep.core.quantities import FREEDOM
from bayesdeep.core.roles import listed
from bayesdeep.numerics.mcmc import measure

from .labelled import STANDARD_ERRORS, Group, Tree, as_datatree

STATS = ("mean", "sd", "quantiles")
DIAGNOSTICS = ("ess_bulk", "ess_tail", "rhat", "mcse_mean", "mcse_sd")
KINDS = {"all": (*STATS, *DIAGNOSTICS), "stats": STATS, "diagnostics": DIAGNOSTICS}
SELECT = frozenset({"var_names", "filter_vars", "group", "coords"})
"""Options that only choose quantities."""
SAMPLE = ("chain", "draw")


def summary(data: Tree | xr.DataTree, **options: Any) -> pd.DataFrame:
    """Return what :func:`_summary` does; what ArviZ has to say of options that it cannot use is an error of ours."""
    try:
        return _summary(data, **options)
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        given = ", ".join(f"{name}={shown_value(value)}" for name, value in options.items())
        if not given:
            raise
        raise FitError(f"summary: arviz.summary does not take {given}: {str(error).strip()}") from error


def _summary(data: Tree | xr.DataTree, **options: Any) -> pd.DataFrame:
    """Return ``arviz.summary(data, round_to="none", **options)``, the usual ones several times faster.

    Parameters
    ----------
    data
        With the group posterior, or that named by ``group``.
    options
        As ``arviz.summary`` has them. ``kind`` (``"all"``, ``"stats"``, ``"diagnostics"``), ``ci_prob``, an equal-tailed
        ``ci_kind``, ``var_names``, ``filter_vars``, ``group`` and ``coords`` are computed here; ArviZ is called for
        everything else (medians, highest-density intervals, rounding, other shapes of the table). Weights of networks
        and coefficients of bases are left out unless ``var_names`` names them.

    Returns
    -------
    pandas.DataFrame
        A row a quantity: ``mean``, ``sd`` (``n - 1``), the interval, ``ess_bulk``, ``ess_tail``, ``r_hat``, and the
        Monte Carlo errors ``mcse_mean`` and ``mcse_sd``, which are no numbers for effective degrees of freedom. Of a point
        estimate with standard errors: ``estimate`` and ``se``, which is no number where there is none. As in ArviZ ``ess_tail``
        is about the interval's default probability, 0.89: the smaller of the sizes for the 11 % and 89 % quantiles. Truth values
        count as 0 and 1.
    """
    if STANDARD_ERRORS in data.children and options.get("group") in (None, "posterior"):
        return _estimates(data, **options)
    settings = _settings()
    if _natural(options, settings):
        default = settings["stats.ci_prob"]
        found = _select(data, options.get("var_names"))
        if found is not None:
            prob = default if options.get("ci_prob") is None else options["ci_prob"]
            made = table(found, options.get("kind", "all"), float(prob), float(default))
            digits = options.get("round_to")
            return made.map(lambda x: round(x, digits) if np.isfinite(x) else x) if isinstance(digits, int) else made
    return _by_arviz(as_datatree(data), options)


def _estimates(
    data: Tree | xr.DataTree, var_names: str | Sequence[str] | None = None, round_to: Any = "none", **options: Any
) -> pd.DataFrame:
    """Return the table of a point estimate with standard errors: columns ``estimate`` and ``se``."""
    strange = set(options) - {*SELECT, "kind", "ci_prob", "ci_kind"}
    if strange:
        raise FitError(
            f"summary: {', '.join(sorted(strange))} is of no use for a point estimate, whose table has estimates and standard "
            "errors"
        )
    columns = {}
    for column, group in (("estimate", "posterior"), ("se", STANDARD_ERRORS)):
        whole: Any = data[group].to_dataset()
        plain = var_names is None or isinstance(var_names, str) or all(isinstance(name, str) for name in var_names)
        chosen = {name: options[name] for name in ("filter_vars", "coords") if options.get(name) is not None}
        found = _select(data, var_names, group) if plain and not chosen else None
        if found is None:
            tree = as_datatree(data)
            found = _extracted(xr.DataTree.from_dict({"posterior": tree[group].to_dataset()}), var_names=var_names, **chosen)
        found = whole if found is None else found
        parts = [value.transpose(*SAMPLE, ...).to_numpy().reshape(-1) for value in found.data_vars.values()]
        columns[column] = np.concatenate([part.astype(np.float64) for part in parts])
        names = list(labels(found))
    made = pd.DataFrame(columns, index=names)
    return made.round(round_to) if isinstance(round_to, int) and not isinstance(round_to, bool) else made


DEFAULTS = {"stats.ci_prob": 0.89, "stats.ci_kind": "eti", "data.sample_dims": ("chain", "draw")}
"""ArviZ's settings that these tables follow, as they are where nobody has changed them."""


def _settings() -> Mapping[str, Any]:
    """Return ArviZ's settings, without importing it (and JAX with it) where nobody can have changed them."""
    if "arviz_base" in sys.modules or _settings_file():
        from arviz_base import rcParams

        return dict(rcParams)
    return DEFAULTS


def _settings_file() -> bool:
    """Return whether there is a file with ArviZ's settings in one of the places where it looks for one."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    folders = [Path.cwd(), Path(home, "arviz"), Path.home() / ".arviz"]
    if os.environ.get("ARVIZ_DATA"):
        folders.append(Path(os.environ["ARVIZ_DATA"]))
    return any((folder / "arvizrc").is_file() for folder in folders)


def _by_arviz(data: xr.DataTree, options: dict[str, Any]) -> pd.DataFrame:
    """Return ArviZ's own table, for options that are not computed here."""
    import arviz as az

    data, options = _without_weights(data, options)
    if not _usual(options, az.rcParams):
        options.setdefault("round_to", "none")
        return az.summary(data, **options)
    default = az.rcParams["stats.ci_prob"]
    found = _extracted(data, **{name: value for name, value in options.items() if name in SELECT})
    if found is None:
        return az.summary(data, **{"round_to": "none", **options})
    prob = default if options.get("ci_prob") is None else options["ci_prob"]
    return table(found, options.get("kind", "all"), float(prob), float(default))


def table(posterior: Group | xr.Dataset, kind: str, prob: float, tail: float) -> pd.DataFrame:
    """Return the table of variables ``(chain, draw, …)``.

    ``prob`` is the equal-tailed interval's probability, ``tail`` the quantile (and one less it) ``ess_tail`` is about.
    """
    edge = (1 - prob) / 2
    low, high = sorted((tail, 1 - tail))
    parts = []
    for value in posterior.data_vars.values():
        draws = value.transpose(*SAMPLE, ...).to_numpy()
        if not draws.size:
            continue
        flat = draws.reshape(*draws.shape[:2], -1)
        part = measure(flat, KINDS[kind], tails=(low, high), quantiles=(edge, 1 - edge))
        if value.attrs.get("role") == FREEDOM:  # from every few draws, each repeated: how a chain mixes it does not say
            part |= {name: np.full(np.shape(part[name]), np.nan) for name in DIAGNOSTICS if name in part}
        parts.append(part)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    columns: dict[str, np.ndarray] = {}
    for name, values in joined.items():
        if name == "quantiles":
            percent = int(prob * 100)
            columns |= {f"eti{percent}_lb": values[:, 0], f"eti{percent}_ub": values[:, 1]}
        else:
            columns["r_hat" if name == "rhat" else name] = values
    return pd.DataFrame(columns, index=list(labels(posterior)))


def labels(posterior: Group | xr.Dataset) -> Iterable[str]:
    """Yield a label a scalar, ``"1|county[AITKIN]"``, in the order of variables and their dimensions."""
    for name, value in posterior.data_vars.items():
        dims = [dim for dim in value.dims if dim not in SAMPLE]
        marks = [[f"{mark}" for mark in value[str(dim)].values] for dim in dims]
        for place in product(*marks):
            yield f"{name}[{', '.join(place)}]" if place else f"{name}"


def _natural(options: Mapping[str, Any], settings: Any) -> bool:
    """Return whether options are among those that need nothing of ArviZ: its choices of quantities are names, and no more."""
    names, digits = options.get("var_names"), options.get("round_to", "none")
    listed = [names] if isinstance(names, str) else names
    plain = listed is None or (isinstance(listed, list | tuple) and all(isinstance(name, str) for name in listed))
    others = {name: value for name, value in options.items() if name not in ("var_names", "round_to")}
    rounded = digits in ("none", "None") or (isinstance(digits, int) and not isinstance(digits, bool))
    return plain and rounded and not set(others) & SELECT and _usual(others, settings)


def _usual(options: Mapping[str, Any], settings: Any) -> bool:
    """Return whether options are among those computed here, with values that ArviZ accepts."""
    if not set(options) <= SELECT | {"kind", "ci_prob", "ci_kind", "round_to"}:
        return False
    prob = options.get("ci_prob")
    return (
        options.get("kind", "all") in KINDS
        and (prob is None or (isinstance(prob, float) and 0 < prob <= 1))
        and (options.get("ci_kind") or settings["stats.ci_kind"]) == "eti"
        and options.get("round_to", "none") in ("none", "None")
        and tuple(settings["data.sample_dims"]) == SAMPLE
    )


def _select(
    data: Tree | xr.DataTree, names: str | Sequence[str] | None, group: str = "posterior"
) -> Group | xr.Dataset | None:
    """Return the posterior's variables of these names, in the posterior's order; None where it takes more than that."""
    posterior: Any = data[group].to_dataset() if group in data.children else None
    if posterior is None:
        return None
    if names is None:
        found = listed(posterior)
    else:
        wanted = [names] if isinstance(names, str) else list(names)
        if not wanted or len(set(wanted)) < len(wanted) or not all(name in posterior.data_vars for name in wanted):
            return None  # What is left out ("~sigma"), and names that are not there.
        found = posterior[wanted]
    return found if _countable(found) else None


def _countable(found: Any) -> bool:
    """Return whether all variables are draws of numbers, and there are some."""
    values = list(found.data_vars.values())
    usual = all(v.dtype.kind in "fiub" and set(SAMPLE) <= set(v.dims) for v in values)
    return usual and any(v.size for v in values)


def _without_weights(data: xr.DataTree, options: Mapping[str, Any]) -> tuple[xr.DataTree, dict[str, Any]]:
    """Return a tree without what only a function gives a meaning, unless it is asked for, and the options for it."""
    found, group = dict(options), options.get("group") or "posterior"
    names = found.get("var_names")
    names = [names] if isinstance(names, str) else names
    asked = names is not None and not all(str(name).startswith("~") for name in names)
    if asked or group not in data.children:
        return data, found
    dataset: Any = data[group].to_dataset()
    if listed(dataset) is dataset:
        return data, found
    if names is not None:
        from arviz_base import extract

        # What is gone cannot be excluded once more: excluded first, it may be named.
        how = {name: found.pop(name) for name in ("var_names", "filter_vars") if name in found}
        dataset = extract(data, group=group, combined=False, keep_dataset=True, **how)
    return xr.DataTree.from_dict({group: listed(dataset)}), found


def _extracted(data: xr.DataTree, coords: Any = None, **options: Any) -> xr.Dataset | None:
    """Return the variables that were asked for; None where they are not numbers or not draws."""
    from arviz_base import extract

    found: Any = extract(data, combined=False, keep_dataset=True, **options)
    found = found if coords is None else found.sel(coords)
    return found if _countable(found) else None

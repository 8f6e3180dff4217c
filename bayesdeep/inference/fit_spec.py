"""A model as data and its rows to a fit: the engine is chosen, its options are checked, and it runs."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from bayesdeep.core.draws import Engine
from bayesdeep.core.errors import FitError, nearest
from bayesdeep.core.random import checked_seed, fresh_seed
from bayesdeep.results.fitted import Fitted
from bayesdeep.results.rows import Rows, StreamedRows
from bayesdeep.spec.model_spec import ModelSpec

from .run import find_engine, run_engine, settings_of, variant_for, words_of
from .select_engine import Choice, choose

DEVICES = ("auto", "cpu", "gpu", "jax")


def fit_spec(
    spec: ModelSpec,
    rows: Rows,
    method: str = "auto",
    common: Mapping[str, int | None] | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    seed: int | None = None,
    device: str = "auto",
    progress: bool = True,
) -> Fitted:
    """Return the model fitted to the rows; see :meth:`bayesdeep.Model.fit`.

    Parameters
    ----------
    common
        ``draws``, ``tune`` and ``chains``, which all engines share; None for the method's own.
    options
        The method's own.

    Raises
    ------
    FitError
        For a method, a device or an option that there is not, and numbers that make no sense.
    """
    shared = {name: value for name, value in (common or {}).items() if value is not None}
    for name, value in shared.items():
        _check_count(name, value, least=0 if name == "tune" else 1)
    if device not in DEVICES:
        raise FitError(f"fit: unknown device '{device}'{nearest(device, DEVICES)}")
    seed, own = checked_seed(seed, "fit"), dict(options or {})
    choice = Choice(method, f"{method}: asked for")
    if method == "auto":
        arrays = None if isinstance(rows, StreamedRows) else rows.arrays
        choice = _for_device(choose(spec, rows.rows, shared.get("chains"), arrays), device, own)
        if not shared.keys() & {"draws", "tune"}:  # They go with the chains that auto plans, not with longer or shorter ones.
            own = {**choice.options, **own}
        shared = {**choice.settings, **shared}
    why, seed = choice.why, fresh_seed() if seed is None else seed
    engine = variant_for(find_engine(choice.method), words_of(spec))
    settings_of(engine, shared, own)
    if choice.otherwise is None:
        tree = run_engine(spec, rows, engine, shared, own, seed, progress, device)
    else:
        tree, doubt = _tried(spec, rows, engine, shared, own, seed, progress)
        if tree is None:
            engine = find_engine(choice.otherwise.method)
            why = f"{choice.otherwise.why}. {choice.method} was tried before: {doubt}"
            tree = run_engine(spec, rows, engine, shared, {**choice.otherwise.options, **own}, seed, progress, device)
            tree.attrs["tried"] = [choice.method]
    if device in ("gpu", "jax"):
        why += _on_device(engine, device)
    tree.attrs["explain_choice"] = why
    return Fitted(spec, rows, tree, why)


def _for_device(choice: Choice, device: str, options: Mapping[str, Any]) -> Choice:
    """Return what is done in a choice's place where a device is asked for, or options that only the other method has."""
    if choice.otherwise is None:
        return choice
    first, second = ({f.name for f in fields(find_engine(c.method).settings)} for c in (choice, choice.otherwise))
    if device in ("gpu", "jax") or any(name not in first and name in second for name in options):
        return replace(choice.otherwise, options={})
    return choice


def _tried(
    spec: ModelSpec, rows: Rows, engine: Engine, shared: dict[str, int], own: dict[str, Any], seed: int, progress: bool
) -> tuple[Any, str]:
    """Return a tree, or None and why the method does not fit the model."""
    try:
        tree = run_engine(spec, rows, engine, shared, own, seed, progress)
    except FitError as error:
        return None, str(error)
    if tree.attrs["status"] == "doubtful":
        return None, " ".join(tree.attrs["advice"])
    return tree, ""


def _on_device(engine: Engine, device: str) -> str:
    """Return what became of a device that was asked for."""
    if "batches" in engine.needs:
        return f"; device='{device}': networks are trained by JAX, on its default device"
    if engine.needs:
        return f"; device='{device}' is not used: what is left to explore is so small that the CPU is faster"
    return f"; device='{device}': the log density and its gradient are computed by JAX"


def _check_count(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise FitError(f"fit: {name} is {value!r}; give a whole number, {least} or more")

"""A model of several responses to draws of its posterior, and of each response's own."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from bayesdeep.collapse.joint_system import joint_system, why_not_joint
from bayesdeep.collapse.system import SystemTarget
from bayesdeep.core.draws import Draws, Engine
from bayesdeep.core.errors import FitError
from bayesdeep.core.quantities import Quantity
from bayesdeep.core.random import checked_seed, derive, fresh_seed
from bayesdeep.display.progress import progress_bar
from bayesdeep.graph.joint_graph import build_joint, patterns
from bayesdeep.graph.target import target_from_pymc
from bayesdeep.results.fitted import Fitted
from bayesdeep.results.joint_fitted import JointFitted, JointRows
from bayesdeep.results.labelled import Tree, labelled
from bayesdeep.results.tree import Shown, make_tree, posterior_group
from bayesdeep.spec.joint_spec import JointSpec, prefix_of

from .engine_words import words_of
from .run import expanded, find_engine, settings_of

OF_ONE = ("one_of", "residuals_of")
"""Attributes that a response's own fit has, by which it is known to lean on the others."""


@dataclass(frozen=True)
class _Ledger:
    reported: Mapping[str, Quantity]
    coords: Mapping[str, tuple[Any, ...]]


def fit_joint(
    spec: JointSpec, rows: JointRows, method: str, common: Mapping[str, int | None], options: Mapping[str, Any], *,
    seed: int | None, progress: bool,
) -> JointFitted:
    """Return the model of several responses fitted; see :meth:`bayesdeep.JointModel.fit`."""
    shared = {name: value for name, value in common.items() if value is not None}
    method, why = _choice(spec, rows, method)
    engine = find_engine(method)
    if (engine.needs and "several" not in engine.takes) or not engine.jacobian:
        raise FitError(
            f"fit: method '{method}' does not take several responses; auto chooses between collapsed, which takes normal ones, "
            "and nuts, which takes all"
        )
    settings = settings_of(engine, shared, dict(options))
    seed = checked_seed(seed, "fit")
    seed = fresh_seed() if seed is None else seed
    started = time.perf_counter()
    source = _linear if "linear" in engine.needs else _density
    shown, target, named = source(spec, rows, engine)
    with progress_bar(engine.title, progress) as bar:
        draws = engine.run(settings, target, derive(seed, engine.name), bar)
    values = named(draws)
    seconds = time.perf_counter() - started
    return fitted_of(spec, rows, shown, draws, values, engine, seed, seconds, asdict(settings), why)


def _choice(spec: JointSpec, rows: JointRows, method: str) -> tuple[str, str]:
    """Return which method is used, and why."""
    reason = why_not_joint(spec, rows.each) if method in ("auto", "collapsed") else None
    if method == "auto" and reason is None:
        return "collapsed", "collapsed: responses are normal, and their coefficients can be integrated out together"
    if method == "auto":
        return "nuts", f"nuts: draws from the posterior itself; coefficients cannot be integrated out: {reason}"
    if reason is not None:
        raise FitError(f"fit: method 'collapsed' does not apply: {reason}; use method='nuts'")
    return method, f"{method}: asked for"


Source = tuple[Shown, Any, Callable[[Draws], Mapping[str, np.ndarray]]]


def _density(spec: JointSpec, rows: JointRows, engine: Engine) -> Source:
    """Return the ledger, the log density, and the way from positions to posterior arrays."""
    graph = build_joint(spec, rows.each, rows.places, rows.rows, sampled=engine.exact, whole=rows.whole)
    words = frozenset[str]().union(*(words_of(one) for one in spec.responses))
    target = target_from_pymc(graph.model, words, graph.units, (), None)
    return _Ledger(graph.reported, graph.coords), target, lambda draws: expanded(graph, target, draws)


def _linear(spec: JointSpec, rows: JointRows, engine: Engine) -> Source:
    """Return the ledger, the linear system, and the way from hyperparameters and coefficients to posterior arrays."""
    del engine
    began = time.perf_counter()
    joint = joint_system(spec, rows.each, rows.places, patterns(rows.places, rows.rows))
    target = SystemTarget(joint.system, frozenset({"linear"}), time.perf_counter() - began)

    def named(draws: Draws) -> Mapping[str, np.ndarray]:
        assert draws.coefficients is not None
        chains, count, dim = draws.positions.shape
        flat = tuple(v.reshape(chains * count, *v.shape[2:]) for v in draws.coefficients)
        return joint.values(draws.positions.reshape(chains * count, dim), flat)

    return joint.shown, target, named


def fitted_of(
    spec: JointSpec, rows: JointRows, shown: Shown, draws: Draws, values: Mapping[str, np.ndarray], engine: Engine, seed: int,
    seconds: float, settings: Mapping[str, Any], why: str,
) -> JointFitted:
    """Return draws of several responses as a fit of all, and of each."""
    each = {}
    for k, one in enumerate(spec.responses):
        view, own = spec.view(k), _own(spec, k, shown, values)
        tree = make_tree(view, own[0], rows.each[k], draws, own[1], engine.name, seed, seconds, settings)
        tree.attrs["explain_choice"] = why
        if spec.correlated or spec.shared or rows.whole:
            tree.attrs["one_of"] = ", ".join(spec.names)
        if spec.correlated:
            tree.attrs["residuals_of"] = ", ".join(spec.names)
        each[one.response.name] = Fitted(view, rows.each[k], tree, why)
    chains, count = draws.positions.shape[:2]
    first: Any = next(iter(each.values())).held
    whole = Tree(
        {"posterior": posterior_group(shown, values, chains, count), "sample_stats": labelled(draws.stats, (chains, count))},
        {**{k: v for k, v in first.attrs.items() if k not in OF_ONE}, "spec": spec.to_json()},
    )
    return JointFitted(spec, rows, whole, each, why)


def _own(spec: JointSpec, number: int, shown: Shown, values: Mapping[str, np.ndarray]) -> tuple[_Ledger, dict[str, np.ndarray]]:
    """Return one response's part of a posterior, under names without its own."""
    one, prefix = spec.responses[number], prefix_of(spec.responses[number])
    longer = tuple(p for s in spec.responses if (p := prefix_of(s)) != prefix and p.startswith(prefix))
    coords = dict(shown.coords)
    reported, found = {}, {}
    for name, quantity in shown.reported.items():
        if name.startswith(prefix) and not name.startswith(longer or "\0") and quantity.entry.response == one.response.name:
            own = name.removeprefix(prefix)
            entry = replace(quantity.entry, slot=quantity.entry.slot.removeprefix(prefix))
            reported[own], found[own] = Quantity(None, quantity.dims, entry), values[name]
    for shared in spec.shared:
        names = [name for member in shared.members for name in member.names]
        own_names = [name for member in shared.members if member.response == number for name in member.names]
        if len(own_names) > 1:
            dim = f"{shared.rows.factor}_pair_of_{one.response.name}"
            pairs = [(i, j) for i in range(1, len(own_names)) for j in range(i)]
            places = [_place(names.index(own_names[i]), names.index(own_names[j])) for i, j in pairs]
            slot = next(p.name for p in spec.view(number).priors if p.name.endswith(shared.slot))
            quantity = shown.reported[shared.slot]
            reported[slot] = Quantity(None, (dim,), replace(quantity.entry, slot=slot, response=one.response.name))
            found[slot] = values[shared.slot][:, places]
            plain = [name.removeprefix(prefix) for name in own_names]
            coords[dim] = tuple(f"{plain[j]}, {plain[i]}" for i, j in pairs)
    return _Ledger(reported, coords), found


def _place(i: int, j: int) -> int:
    """Return where the pair of two coefficients is among all, row by row below the diagonal."""
    i, j = max(i, j), min(i, j)
    return i * (i - 1) // 2 + j

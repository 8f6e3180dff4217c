"""Running an engine on a model, and turning what it drew into a tree."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from functools import partial
from typing import Any

import numpy as np

from bayesdeep.collapse.posterior_layout import ShownNames
from bayesdeep.core.draws import Draws, Engine
from bayesdeep.core.errors import FitError, close_to, nearest
from bayesdeep.core.lazy import xr
from bayesdeep.core.random import derive
from bayesdeep.core.registry import ENGINES
from bayesdeep.display.progress import progress_bar
from bayesdeep.graph.build import Graph, units_of
from bayesdeep.graph.centring import described
from bayesdeep.graph.evaluate import expand_function
from bayesdeep.graph.own_scale import own_scale_density
from bayesdeep.graph.precondition import mixings
from bayesdeep.graph.target import PyMCTarget, target_from_pymc
from bayesdeep.numerics.pages import keep_pages
from bayesdeep.results.labelled import Tree
from bayesdeep.results.rows import TrainingRows
from bayesdeep.results.tree import make_tree
from bayesdeep.spec.model_spec import ModelSpec

from .against_nuts import REFERENCE, compared
from .batch_target import batches_of
from .component_order import in_definite_order
from .compressed_rows import compress
from .engine_words import words_of
from .likelihood_target import likelihood_source
from .linear_target import linear_source
from .option_types import checked
from .pretraining import told, trained
from .row_target import row_source
from .rows_in_memory import rows_for
from .standard_errors import standard_errors

COMMON = ("draws", "tune", "chains")
ELSEWHERE = {
    **dict.fromkeys(("iter", "samples", "num_samples", "ndraws", "iter_sampling"), "draws"),
    **dict.fromkeys(("warmup", "num_warmup", "burn_in", "burnin", "burn", "iter_warmup"), "tune"),
    **dict.fromkeys(("num_chains", "nchains"), "chains"),
    **dict.fromkeys(("random_seed", "random_state", "rng"), "seed"),
    **dict.fromkeys(("lr", "learning_rate_init", "step_size", "eta"), "learning_rate"),
    **dict.fromkeys(("n_epochs", "num_epochs", "max_epochs", "max_iter", "iterations", "n_iter"), "epochs"),
    **dict.fromkeys(("batch", "minibatch", "minibatch_size", "n_batch"), "batch_size"),
    **dict.fromkeys(("l2", "alpha", "wd", "decay"), "weight_decay"),
    **dict.fromkeys(("early_stopping", "n_iter_no_change", "stop_after"), "patience"),
    **dict.fromkeys(("validation_split", "validation_fraction", "validation_size", "test_size"), "held_out"),
    **dict.fromkeys(("n_estimators", "num_members", "n_members", "ensemble_size"), "members"),
    **dict.fromkeys(("init", "initialization", "kernel_initializer"), "initialisation"),
    **dict.fromkeys(("optim", "solver"), "optimizer"),
    **dict.fromkeys(("clip_norm", "clipnorm", "max_norm", "gradient_clip_val"), "clip"),
    **dict.fromkeys(("dropout_rate", "p"), "rate"),
}
"""What other packages call the options of methods."""
EXPAND_BLOCK = 2_000_000


def find_engine(method: str) -> Engine:
    """Return an engine by name."""
    return ENGINES.find(method, "method", FitError)


def variant_for(engine: Engine, words: frozenset[str]) -> Engine:
    """Return what runs under an engine's name for a model with these words."""
    return next((other for word, other in engine.variants.items() if word in words), engine)


def settings_of(engine: Engine, common: dict[str, int], options: dict[str, Any]) -> Any:
    """Return the engine's settings record; an option it does not know, or of another type than it declares, is an error."""
    known = [f.name for f in fields(engine.settings)]
    for name in options:
        if name not in known:
            own = [k for k in known if k not in COMMON]
            here = ELSEWHERE.get(name)
            there = here in (*own, *COMMON, "seed")
            meant = f"; here it is '{here}'" if there else close_to(name, (*own, *COMMON, "seed"))
            raise FitError(f"fit: method '{engine.name}' has no option '{name}'{meant or nearest(name, own)}")
    return engine.settings(**checked(engine, {**{k: v for k, v in common.items() if k in known}, **options}))


def run_engine(
    spec: ModelSpec,
    rows: TrainingRows,
    engine: Engine,
    common: dict[str, int],
    options: dict[str, Any],
    seed: int,
    progress: bool,
    device: str = "auto",
) -> Tree | xr.DataTree:
    """Fit and return the tree; ``device`` is for engines that work on a log density."""
    started = time.perf_counter()
    keep_pages()
    settings = settings_of(engine, common, options)
    sources = {"likelihood": likelihood_source, "linear": linear_source, "rows": row_source, "batches": _batches}
    density = partial(_density, device=device, precision=getattr(settings, "precision", "double"))
    source = next((sources[word] for word in sources if word in engine.needs), density)
    rows, before = trained(spec, rows, engine, words_of(spec), seed, progress)
    shown, target, named = source(spec, rows, engine.name)
    with progress_bar(engine.title, progress) as bar:
        draws = told(engine.run(settings, target, derive(seed, engine.name), bar), before)
    draws = replace(draws, details={**draws.details, **(described(shown.pilot) if isinstance(shown, Graph) else {})})
    values = in_definite_order(spec, rows, named(draws))
    errors = None if draws.spread is None else standard_errors(draws, draws.spread, named)
    if getattr(settings, "check", False):
        other = run_engine(spec, rows, find_engine("nuts"), REFERENCE, {}, derive(seed, "check"), progress)
        draws = compared(draws, values, other["posterior"].to_dataset())
    seconds = time.perf_counter() - started
    return make_tree(spec, shown, rows, draws, values, engine.name, seed, seconds, asdict(settings), errors)


Source = tuple[Graph | ShownNames, Any, Callable[[Draws], dict[str, np.ndarray]]]
"""What names are read from, what the engine works on, and how its draws become posterior arrays."""


def _target_maker(device: str) -> Callable[..., PyMCTarget]:
    """Return the function that compiles a log density for a device, or refuse where there is none."""
    if device in ("auto", "cpu"):
        return target_from_pymc
    from bayesdeep.graph.jax_target import jax_target, require_device

    require_device(device)
    return jax_target


def _density(spec: ModelSpec, rows: TrainingRows, method: str, device: str = "auto", precision: str = "double") -> Source:
    """Return the model's log density, and expansion of unconstrained positions; ``precision`` is that of hidden layers."""
    make_target = _target_maker(device)
    # Only where the result does not depend on coordinates: the place of a joint mode does.
    rows = rows_for(method, rows)
    # Equal rows are multiplied instead of repeated; everything that is read off the fit uses the rows as they came.
    fewer = None if "whole" in words_of(spec) else compress(rows)
    # On other devices JAX decides on precision for all of a process.
    single = precision == "single" and device in ("auto", "cpu")
    graph = (fewer or rows).graph(spec, sampled=ENGINES[method].exact, single=single)
    turned = mixings(spec, rows.arrays, graph.pilot)
    density = None if ENGINES[method].jacobian else own_scale_density(graph)
    target = make_target(graph.model, words_of(spec), graph.units, turned, density)
    if target.dim == 0:
        raise FitError("fit: every parameter of the model is known, so there is nothing to estimate")
    return graph, target, lambda draws: expanded(graph, target, draws)


def _batches(spec: ModelSpec, rows: TrainingRows, method: str) -> Source:
    """Return the model as a prior and a sum over rows, and expansion of unconstrained positions."""
    graph, target = batches_of(spec, rows, method, words_of(spec))
    return graph, target, lambda draws: expanded(graph, target, draws)


def expanded(graph: Any, target: Any, draws: Draws) -> dict[str, np.ndarray]:
    """Return posterior arrays ``(chain * draw, …)`` from unconstrained positions, in blocks of draws."""
    flat = draws.positions.reshape(-1, draws.positions.shape[-1])
    expand = expand_function(graph)
    step = max(1, EXPAND_BLOCK // max(1, flat.shape[1], graph.rows * units_of(graph)))
    parts = [expand(target.unravel(flat[i : i + step])) for i in range(0, len(flat), step)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

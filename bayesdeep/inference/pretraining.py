"""Networks of which only some layers have a posterior: the other layers are trained to a point first, and then held."""

from dataclasses import replace

from bayesdeep.core.draws import Draws, Engine
from bayesdeep.core.errors import FitError
from bayesdeep.core.random import derive
from bayesdeep.core.registry import ENGINES
from bayesdeep.display.progress import progress_bar
from bayesdeep.graph.pretrained import values_of
from bayesdeep.results.rows import StreamedRows, TrainingRows
from bayesdeep.spec.model_spec import ModelSpec

from .batch_target import batches_of

TRAINER = "sgd"
"""The engine that trains layers to a point."""


def trained(
    spec: ModelSpec, rows: TrainingRows, engine: Engine, words: frozenset[str], seed: int, progress: bool
) -> tuple[TrainingRows, Draws | None]:
    """Return the rows with the trained layers' variables held, and what the training gave.

    Nothing is held, and None returned, where no layer is to be trained first or ``engine`` trains all of them. What is held
    already stays.
    """
    if "staged" not in words or engine.name == TRAINER or isinstance(rows, StreamedRows) or rows.fixed:
        return rows, None
    trainer = ENGINES.find(TRAINER, "method", FitError)
    graph, target = batches_of(spec, rows, TRAINER, words)
    with progress_bar(f"{trainer.title}, before {engine.title}", progress) as bar:
        draws = trainer.run(trainer.settings(), target, derive(seed, "trained layers"), bar)
    if draws.status == "interrupted":
        raise KeyboardInterrupt("fit was stopped while layers were trained; there is no posterior yet")
    fixed = values_of(graph, target.unravel(draws.positions[0, -1]))
    return replace(rows, fixed=fixed), draws


def told(draws: Draws, before: Draws | None) -> Draws:
    """Return draws that also say what was trained before them, how long it took and what the training warned of."""
    if before is None:
        return draws
    return replace(
        draws,
        advice=(*before.advice, *draws.advice),
        status=before.status if draws.status == "ok" else draws.status,
        seconds_compile=draws.seconds_compile + before.seconds_compile,
        seconds_tune=draws.seconds_tune + before.seconds_tune + before.seconds_sample,
        details={**draws.details, "trained_first": f"layers without a posterior, by {TRAINER}"},
    )

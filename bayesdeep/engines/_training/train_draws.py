"""From training to draws: networks, each with noise estimated by maximum likelihood on held-out rows."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bayesdeep.core.batches import BatchTarget
from bayesdeep.core.draws import Draws, Progress
from bayesdeep.core.errors import FitError

from .train_coordinates import coordinates
from .train_covariance import reestimated
from .train_judge import shortfall
from .train_loop import Trained, refreshing, train
from .train_noise import tuned_noise
from .train_settings import Recipe, recipe
from .train_split import LEAST_HELD_OUT, Split, split
from .train_units import constant_advice, constant_units

SLOWER = 3.0
"""By how much the rate is less where training is repeated."""

NetworkDraws = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""From a trained network ``(dim,)`` to those whose predictions are averaged, ``(network, dim)``."""


def trained(
    settings: Any,
    target: BatchTarget,
    seed: int,
    progress: Progress,
    method: str,
    members: int = 1,
    averaged: NetworkDraws | None = None,
    shown: NetworkDraws | None = None,
) -> Draws:
    """Train and return one chain of draws, ``(1, member, dim)``, or those that ``shown`` makes of one network.

    Parameters
    ----------
    settings
        :class:`~bayesdeep.engines._training.train_settings.TrainSettings`.
    target, seed, progress, method
        The model, and how it is said what is done.
    members
        Of an ensemble.
    averaged
        The networks whose predictions are averaged when the noise is found; None for the network itself.
    shown
        The draws of a network; None for the network itself.

    Raises
    ------
    FitError
        Where training diverges, or nothing is held out from which the family's parameters could be found.
    """
    began = time.perf_counter()
    chosen, where = recipe(settings, target.rows), coordinates(target, settings.penalty)
    if chosen.dropout and not target.masks:
        raise FitError(f"{method}: dropout={chosen.dropout:g} needs hidden units to leave out, and the model has none; give 0")
    grouped = bool((target.roles == "sd").any())
    parts = split(target.rows, settings.held_out, members, np.random.default_rng((seed, 1)), grouped)
    _refuse_unjudged(target, parts, where.tuned, method)
    refresh = refreshing(target.rows, seed)

    def attempt(recipe: Recipe, seed: int) -> tuple[Trained, np.ndarray, np.ndarray, float]:
        found = train(target, recipe, parts, seed, progress, method)
        rng, positions, scores = np.random.default_rng((seed, 2)), found.positions.copy(), found.scores
        if parts.judged:
            networks = np.stack([p[None] if averaged is None else averaged(p, rng) for p in positions])
            values, scores = tuned_noise(target, where.tuned, networks, parts.held_out, refresh, parts.together)
            positions[:, where.tuned] = values
        return found, positions, scores, shortfall(target, positions, parts, refresh)

    first = attempt(chosen, seed)
    if first[-1] > 0 and not first[0].interrupted:
        slower = replace(chosen, learning_rate=chosen.learning_rate / SLOWER)
        second = attempt(slower, int(np.random.default_rng((seed, 4)).integers(2**31)))
        if second[-1] < first[-1]:
            first, chosen = second, slower
    found, positions, scores, short = first
    rng = np.random.default_rng((seed, 5))
    kept = reestimated(target, positions[list(parts.wanted)], refresh)
    constant = constant_units(target, kept[0], np.random.default_rng((seed, 3)))
    return Draws(
        positions=(kept if shown is None else shown(kept[0], rng))[None],
        stats={},
        exact=False,
        status="interrupted" if found.interrupted else "doubtful" if short > 0 else "ok",
        advice=(*_advice(found, parts, chosen), *_short(short), *constant_advice(constant)),
        seconds_compile=target.seconds_compile + found.seconds_compile,
        seconds_sample=time.perf_counter() - began - found.seconds_compile,
        details=_details(found, parts, chosen, scores) | {"constant_units": float(sum(n for n, _ in constant.values()))},
        course=_how_it_went(found, parts),
    )


def _how_it_went(found: Trained, parts: Split) -> dict[str, np.ndarray]:
    """Return losses and held-out scores by epoch; where one network is cross-validated, those of its folds beside its own."""
    there = ~np.isnan(found.losses).all(axis=1)
    kept = np.isin(np.arange(len(found.best)), parts.wanted)
    course = {"loss": found.losses[there], "best": found.best, "kept": kept.astype(np.int64)}
    if not parts.judged:
        return course
    judged = np.array([len(rows) > 0 for rows in parts.held_out])
    return course | {"held_out": np.where(judged, found.curves[there], np.nan)}


def _short(short: float) -> tuple[str, ...]:
    """Return what to do about a network that came out worse than its folds."""
    if short <= 0:
        return ()
    return (
        "The network that is kept meets its training rows worse than those that cross-validated it met theirs, "
        f"by {short:.2g} in log score a row beyond chance, also when trained again: noise and held-out score are not "
        "its own. Try another seed, a lower learning_rate or more epochs, or method='ensemble'.",
    )


def _refuse_unjudged(target: BatchTarget, parts: Split, tuned: np.ndarray, method: str) -> None:
    if parts.judged or not tuned.size:
        return
    names = ", ".join(target.names[k] for k in tuned[:3])
    raise FitError(
        f"{method}: no rows are held out, so that nothing says what {names} should be: on its training rows a network leaves "
        "as little noise as it likes. Set held_out=0.1 with at least 2 rows, or give the parameter, as in sigma=bd.known(0.5)"
    )


def _details(found: Trained, parts: Split, chosen: Recipe, scores: np.ndarray) -> dict[str, float | str]:
    own = list(parts.wanted)
    return {
        **({"held_out_log_score": float(np.mean(scores[own])), "held_out_rows": float(parts.judged)} if parts.judged else {}),
        "epochs": float(found.epochs[own].max()),
        "best_epoch": float(np.mean(found.best[own])),
        "training_loss": float(np.mean(found.losses[found.epochs[own].max() - 1, own])),
        "batch_size": float(chosen.batch_size),
        "learning_rate": chosen.learning_rate,
        "ended_by": _ending(found, parts),
        "training": _course(found, parts, chosen),
    }


def _ending(found: Trained, parts: Split) -> str:
    if found.interrupted:
        return "interruption"
    return "early stopping" if found.stopped[list(parts.wanted)].all() else "epoch limit"


def _course(found: Trained, parts: Split, chosen: Recipe) -> str:
    """Return in a sentence what ended training and which parameters were kept."""
    own = list(parts.wanted)
    best = f"the parameters kept are those after epoch {np.mean(found.best[own]):.0f}"
    ending, most = _ending(found, parts), found.epochs[own].max()
    if ending == "interruption":
        return f"Training was interrupted after {most} of at most {chosen.epochs} epochs; {best}."
    if ending == "early stopping":
        return f"Early stopping ended training after {most} epochs; {best}."
    return f"The limit of {chosen.epochs} epochs ended training; {best}."


def _advice(found: Trained, parts: Split, chosen: Recipe) -> tuple[str, ...]:
    """Return what is doubtful about training; how it went otherwise is a detail."""
    own, said, ending = list(parts.wanted), [], _ending(found, parts)
    late = ending == "epoch limit" and parts.judged > 0 and np.mean(found.best[own]) > 0.9 * chosen.epochs
    if ending == "interruption":
        said.append(_course(found, parts, chosen))
    elif late:
        more = "The held-out rows were still predicted better and better: try more epochs."
        said.append(f"{_course(found, parts, chosen)} {more}")
    if 0 < parts.judged < 4 * LEAST_HELD_OUT:
        said.append(f"Only {parts.judged} held-out rows say when to stop and what the noise is: both are rough.")
    return tuple(said)

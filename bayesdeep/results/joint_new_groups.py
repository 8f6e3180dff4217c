"""Effects of groups that a model of several responses was not fitted to, drawn for all responses together.

A new group's effects that go together by ``|p|`` are normal, with the sds of each term and one matrix of correlations across
responses; whatever else it has is independent from one response to the next.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from bayesdeep.collapse.linear_layout import prefix_of
from bayesdeep.collapse.row_values import correlated, effect_sds, unseen_classes
from bayesdeep.core.effects import Varying
from bayesdeep.core.errors import FitError
from bayesdeep.core.random import derive
from bayesdeep.spec.shared_effects import SharedEffects

from .fitted import Fitted, flat_draws
from .joint_fitted import JointFitted
from .new_groups import with_new_groups
from .rows import Rows

Draws = dict[str, np.ndarray]


def seeds_of(fit: JointFitted, seed: int) -> dict[str, int]:
    """Return a seed a response: with one for all, what is drawn of one response would be drawn of every other."""
    return {name: derive(seed, f"response {name}") for name in fit.each}


def settled_draws(
    fit: JointFitted, rows: Mapping[str, Rows], new_groups: str, seed: int
) -> tuple[dict[str, Draws], dict[str, Rows]]:
    """Return each response's draws by name with effects of new groups after those of known ones, and rows without new groups.

    Parameters
    ----------
    rows
        Of each response, the same rows or those of them that have it.
    new_groups
        ``"sample"``, ``"average"`` or ``"raise"``; see :func:`~bayesdeep.results.new_groups.with_new_groups`.
    """
    each, seeds = fit.each, seeds_of(fit, seed)
    draws = {
        name: with_new_groups(one.spec, flat_draws(one), rows[name], new_groups, seeds[name])
        for name, one in each.items()
    }
    if new_groups == "sample":
        for shared in fit.spec.shared:
            _together(fit, shared, draws, rows, derive(seed, f"new groups of {shared.slot}"))
    return draws, {name: replace(own, unseen={}) for name, own in rows.items()}


def _together(
    fit: JointFitted, shared: SharedEffects, draws: Mapping[str, Draws], rows: Mapping[str, Rows], seed: int
) -> None:
    """Put effects of new groups that go together in the place of those that were drawn by response."""
    factor, names = shared.rows.factor, list(fit.each)
    owners = list(dict.fromkeys(names[member.response] for member in shared.members))
    fresh = [rows[name].unseen.get(factor, ()) for name in owners]
    if not any(fresh):
        return
    if any(labels != fresh[0] for labels in fresh):
        raise FitError(
            f"draws: responses have other new groups of '{factor}'; give rows that all responses can be predicted of"
        )
    pairs = np.asarray(fit.tree["posterior"][shared.slot].to_numpy())
    pairs = pairs.reshape(-1, pairs.shape[-1])
    standard = np.random.default_rng(seed).standard_normal((len(pairs), shared.width, len(fresh[0])))
    whole = replace(shared.members[0].effect, law=Varying(correlation=shared.slot))
    values, start = correlated(whole, {shared.slot: pairs}, standard), 0
    for member in shared.members:
        name, effect = names[member.response], member.effect
        one: Fitted = fit.each[name]
        number = next(k for k, p in enumerate(one.spec.predictors) if p.parameter == member.parameter)
        prefix, own = prefix_of(one.spec, number), draws[name]
        classes = unseen_classes(member.key, effect, rows[name].arrays, len(fresh[0]))
        found = effect_sds(one.spec, effect, own, prefix, classes) * values[:, start : start + effect.width]
        for piece in effect.pieces:
            value = own[prefix + piece.slot].copy()
            value[..., -len(fresh[0]) :] = found[:, piece.start] if piece.scalar else found[:, piece.start : piece.stop]
            own[prefix + piece.slot] = value
        start += effect.width

"""Chains that never came to where the others are, and are started again from there.

A chain that starts far out can stay there: where counts are expected to be a million times what they are, the log density
falls so steeply that no step is small enough, and under a wide prior there is much such room. Its draws are of no use, and
with one of them the others' are worth little either. Chains that disagree for a better reason, because the posterior has several
modes, are left as they are: their log densities overlap, or lie within what differences between modes can be.
"""

from collections.abc import Mapping, Sequence

import numpy as np

FAR = 10.0
"""Spreads of the others' log density, and at the least as many units of it, below which a chain is lost."""


def lost_chains(lp: np.ndarray) -> tuple[int, ...]:
    """Return the chains of which every draw lies far below all draws of the others, by ``lp`` ``(chain, draw)``.

    The others must be two or more, and at least half of the chains: a single one that is higher may be the one that is wrong.
    """
    lp = np.where(np.isfinite(lp), lp, -np.inf)
    order = np.argsort(-np.median(lp, axis=1), kind="stable")
    together, floor = [int(order[0])], float(lp[order[0]].min())
    for chain in map(int, order[1:]):
        inside = lp[together]
        if lp[chain].max() < floor - FAR * max(1.0, float(inside.std())):
            break
        together.append(chain)
        floor = min(floor, float(lp[chain].min()))
    if len(together) < 2 or 2 * len(together) < len(lp):
        return ()
    return tuple(sorted(set(range(len(lp))) - set(together)))


def starts_among(positions: np.ndarray, lost: Sequence[int], seed: int) -> np.ndarray:
    """Return where lost chains start again: draws of different others as far as there are, ``(lost, dim)``."""
    others = [chain for chain in range(len(positions)) if chain not in lost]
    rng = np.random.default_rng((seed, 1))
    places = [others[i % len(others)] for i in range(len(lost))]
    return np.stack([positions[chain, rng.integers(positions.shape[1])] for chain in places])


def second_seed(seed: int) -> int:
    """Return the seed of the chains that are started again."""
    return int(np.random.SeedSequence((seed, 2)).generate_state(1)[0])


def put_in(
    positions: np.ndarray,
    stats: Mapping[str, np.ndarray],
    lost: Sequence[int],
    again: tuple[np.ndarray, Mapping[str, np.ndarray]],
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return positions ``(chain, draw, dim)`` and statistics ``(chain, draw)`` with the second attempts in their places."""
    at = list(lost)
    positions, found = positions.copy(), {name: values.copy() for name, values in stats.items()}
    positions[at] = again[0]
    for name, values in again[1].items():
        found[name][at] = values
    return positions, found


def told(lost: Sequence[int], before: np.ndarray, after: np.ndarray) -> str:
    """Return the sentence about them, from the log densities ``(chain, draw)`` of both attempts."""
    others = [chain for chain in range(len(before)) if chain not in lost]
    depth = float(before[others].min() - before[list(lost)].max())
    many = len(lost) > 1
    names = ", ".join(str(chain + 1) for chain in lost)
    came = "they are" if many else "it is"
    still = lost_chains(after)
    return (
        f"Chain{'s' if many else ''} {names} of {len(before)} stayed where the log density is at least {depth:.3g} lower than "
        f"anywhere the others were, and {'were' if many else 'was'} started again from where the others are; "
        + (f"{came} still not with them. " if still else f"{came} with them now. ")
        + "Where this happens again with another seed, use narrower priors."
    )

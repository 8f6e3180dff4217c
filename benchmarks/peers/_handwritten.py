"""What the models written by hand in PyMC and NumPyro share: reading the arrays, and naming the draws."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks._cards import indexed, prior


@dataclass(frozen=True)
class Block:
    """The coefficients of one grouping factor, with their priors."""

    name: str
    codes: np.ndarray
    levels: np.ndarray
    Z: np.ndarray
    names: tuple[tuple[str, str | None], ...]
    sds: tuple[tuple[str, dict[str, float]], ...]
    eta: float | None

    @property
    def labels(self) -> tuple[str, ...]:
        """Return one label a coefficient: ``1``, ``floor``, ``machine[B]``."""
        return tuple(indexed(name, label) for name, label in self.names)


def blocks(card: Mapping[str, Any], design: Mapping[str, np.ndarray]) -> list[Block]:
    """Return the group blocks of a card; ``eta`` is None where coefficients are independent."""
    found = []
    for k, (factor, _, correlated) in enumerate(card["groups"]):
        name = ":".join(factor)
        terms = tuple((str(term), str(label) or None) for term, label in design[f"Z_{k}_names"])
        sds = tuple(prior(card["priors"][f"{term}|{name}_sigma"]) for term, _ in terms)
        eta = prior(card["priors"][f"{name}_corr"])[1]["eta"] if correlated and len(terms) > 1 else None
        found.append(Block(name, design[f"codes_{k}"], design[f"levels_{k}"], design[f"Z_{k}"], terms, sds, eta))
    return found


def shared_sd(block: Block) -> tuple[str, dict[str, Any]]:
    """Return the one family of a block's sds, with vectors of arguments ``(coefficient,)``."""
    names = {name for name, _ in block.sds}
    if len(names) != 1:
        raise ValueError(f"card: the sds of {block.name} have priors of {len(names)} families; give them one")
    first = block.sds[0][1]
    return names.pop(), {key: np.array([arguments[key] for _, arguments in block.sds]) for key in first}


def population_priors(card: Mapping[str, Any], design: Mapping[str, np.ndarray]) -> tuple[dict, np.ndarray, np.ndarray]:
    """Return the centred intercept's arguments, and means and sds of the coefficients ``(column,)``."""
    given = [prior(card["priors"][str(slot)])[1] for slot in design["X_slots"]]
    intercept = prior(card["priors"]["Intercept"])[1]
    return intercept, np.array([g["mu"] for g in given]), np.array([g["sigma"] for g in given])


def scalars(
    card: Mapping[str, Any], design: Mapping[str, np.ndarray], posterior: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return draws ``(chain, draw)`` by common name.

    ``posterior`` has ``Intercept``, ``beta`` ``(chain, draw, column)``, ``sigma`` or ``alpha``, and for each group
    k ``sd_k`` ``(…, coefficient)``, ``corr_k`` ``(…, coefficient, coefficient)`` and ``u_k`` ``(…, group,
    coefficient)``.
    """
    found = {"Intercept": np.asarray(posterior["Intercept"])}
    for j, name in enumerate(design["X_names"]):
        found[str(name)] = np.asarray(posterior["beta"])[..., j]
    for name in ("sigma", "alpha"):
        if name in posterior:
            found[name] = np.asarray(posterior[name])
    for k, block in enumerate(blocks(card, design)):
        for i, (term, label) in enumerate(block.names):
            found[indexed(f"{term}|{block.name}_sigma", label)] = np.asarray(posterior[f"sd_{k}"])[..., i]
            effects = np.asarray(posterior[f"u_{k}"])[..., i]
            key = f"{term}|{block.name}"
            for g, level in enumerate(block.levels):
                found[indexed(key, str(level) if label is None else f"{label}, {level}")] = effects[..., g]
        if block.eta is not None:
            corr = np.asarray(posterior[f"corr_{k}"])
            for i in range(1, len(block.names)):
                for j in range(i):
                    pair = f"{block.labels[j]}, {block.labels[i]}"
                    found[f"{block.name}_corr[{pair}]"] = corr[..., i, j]
    return found

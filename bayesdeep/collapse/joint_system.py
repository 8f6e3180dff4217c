r"""Several normal responses as one linear system: their columns side by side, and residuals that may be correlated.

Row :math:`i` has the responses :math:`y_{i1}, \ldots, y_{iR}` and columns of each. With the precision matrix :math:`P` of a row's
residuals every product of rows is :math:`\sum_{kl} P_{kl} \sum_i x_{ik} x_{il}'`: sums over rows that are taken once, under
weights that are functions of the residuals' sds and correlations (:class:`bayesdeep.core.linear.Noise`). Rows that lack a
response have the precision matrix of those that they have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
from scipy import sparse

from bayesdeep.core.linear import Factor, LinearSystem, Moments, Noise, Scale
from bayesdeep.core.quantities import CORRELATION, ORDER, Entry, Quantity
from bayesdeep.spec.joint_spec import RESIDUAL, JointSpec, prefix_of

from .eligibility import why_not
from .hyper import Hyper
from .linear_layout import Layout, layout_of
from .moments import LOG_2PI, add, centre_of, columns_of, effects_of_rows, products
from .posterior_layout import ShownNames, shown_names
from .posterior_values import correlations, posterior_arrays
from .system import factors_of, joint_scales, population_prior


def why_not_joint(spec: JointSpec, each: Sequence[Any]) -> str | None:
    """Return why the coefficients of several responses cannot be integrated out together, in a clause; None if they can."""
    for k, (one, rows) in enumerate(zip(spec.responses, each, strict=True)):
        reason = why_not(spec.view(k))
        if reason is None and (one.known or rows.response.weights is not None):
            reason = "sigma is given" if one.known else "rows have weights"
        if reason is None and any(one.prior(f"{p.slot}") is not None for p in _shared_pieces(spec, k)):
            reason = "effects that are correlated with others have a prior of their own"
        if reason is not None:
            return f"of {one.response.name}: {reason}"
    return None


def _shared_pieces(spec: JointSpec, number: int) -> list[Any]:
    return [p for one in spec.shared for m in one.members if m.response == number for p in m.effect.pieces]


@dataclass(frozen=True, eq=False)
class Part:
    """One response in the joint system.

    Attributes
    ----------
    layout, centre, system
        As if it were the only one; ``system`` has its own factors, and the hyperparameters of all.
    start
        Of its population columns.
    places
        Of each of its factors, the joint factor and the places of its coefficients there.
    """

    layout: Layout
    centre: float
    system: LinearSystem
    start: int
    places: tuple[tuple[int, np.ndarray], ...]

    def coefficients(self, joint: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        """Return its coefficients from those of all."""
        stop = self.start + self.system.columns
        return (joint[0][:, self.start : stop], *(joint[1 + f][:, :, places] for f, places in self.places))


@dataclass(frozen=True, eq=False)
class Joint:
    """Several responses as one linear system, and the way back."""

    spec: JointSpec
    system: LinearSystem
    parts: tuple[Part, ...]
    shown: ShownNames
    corr: Mapping[str, tuple[int, int]]

    def values(self, positions: np.ndarray, coefficients: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
        """Return posterior arrays ``(draw, …)`` by name."""
        found = dict[str, np.ndarray]()
        for one, part in zip(self.spec.responses, self.parts, strict=True):
            own = part.coefficients(coefficients)
            arrays = posterior_arrays(one, part.layout, part.system, part.centre, positions, own)
            found |= {f"{prefix_of(one)}{name}": value for name, value in arrays.items()}
        for name, (first, size) in self.corr.items():
            pairs = size * (size - 1) // 2
            found[name] = correlations(np.tanh(positions[:, first : first + pairs]), size)
        return {name: found[name] for name in self.shown.reported}


def joint_system(
    spec: JointSpec, each: Sequence[Any], places: Sequence[np.ndarray], kinds: Mapping[tuple[int, ...], np.ndarray]
) -> Joint:
    """Return several responses' linear system.

    Parameters
    ----------
    each
        Of each response the rows that have it.
    places
        Which of all rows these are.
    kinds
        Rows by the responses that they have.
    """
    layouts = [layout_of(one) for one in spec.responses]
    centres = [centre_of(layout, rows.arrays, rows.response) for layout, rows in zip(layouts, each, strict=True)]
    merged, where = _merged(spec, layouts)
    hyper, corr = Hyper(), dict[str, tuple[int, int]]()
    factors = [Factor(name, levels, width, (Scale(None),) * width) for name, levels, width in merged]
    parts = list[Part]()
    start, priors, sigmas, joints = 0, [], list[Scale](), []
    for k, (one, layout) in enumerate(zip(spec.responses, layouts, strict=True)):
        own, begun = Hyper(hyper.found), len(hyper.found)
        made = factors_of(one, layout, own, one.response.spread)
        chosen = one.prior("sigma")
        assert chosen is not None
        sigma = own.scale("sigma", chosen.prior, one.response.spread)
        joint = joint_scales(one, own, sigma)
        for at in range(begun, len(hyper.found)):
            hyper.found[at] = replace(hyper.found[at], name=f"{prefix_of(one)}{hyper.found[at].name}")
        for factor, (target, spots) in zip(made, where[k], strict=True):
            factors[target] = _placed(factors[target], factor, spots)
        priors.append(population_prior(one, layout, centres[k]))
        sigmas.append(sigma)
        joints.append(joint)
        alone = LinearSystem(_NONE, made, sigma, (), priors[k].precision, 0.0, priors[k].origin, joint=joint)
        parts.append(Part(layout, centres[k], alone, start, where[k]))
        start += len(layout.means)
    for shared in spec.shared:
        first = hyper.correlations(shared.slot, _eta(spec, shared.slot), shared.width)
        target, stop = next((f, shared.width) for f, (name, *_) in enumerate(merged) if name == shared.rows.factor)
        factors[target] = replace(factors[target], blocks=(*factors[target].blocks, (0, stop, first)))
        corr[shared.slot] = (first, shared.width)
    residual: int | None = None
    if spec.correlated:
        residual = hyper.correlations(RESIDUAL, _eta(spec, RESIDUAL), len(spec.responses))
        corr[RESIDUAL] = (residual, len(spec.responses))
    sums = _sums(parts, merged, each, places, kinds)
    of = np.concatenate([np.full(part.system.columns, k) for k, part in enumerate(parts)])
    owners = [np.full(width, -1) for _, _, width in merged]
    for k, part in enumerate(parts):
        for target, spots in part.places:
            owners[target][spots] = k
    entries, moments = list[tuple[int, int, int]](), list[Moments]()
    for number, kind in enumerate(kinds):
        for a, i in enumerate(kind):
            for j in kind[a:]:
                if residual is not None or i == j:
                    entries.append((number, i, j))
                    moments.append(_between_responses(sums[number], of, owners, i, j, len(parts)))
    counts = tuple(len(rows) for rows in kinds.values())
    total = sum(len(kind) * count for kind, count in zip(kinds, counts, strict=True))
    constant = -0.5 * LOG_2PI * total
    whole = reduce(add, moments)
    noise = Noise(tuple(sigmas), residual, tuple(kinds), counts, tuple(entries), tuple(moments))
    system = LinearSystem(
        replace(whole, rows=float(total), constant=constant),
        tuple(factors),
        Scale(None, 1.0),
        tuple(hyper.found),
        _block_diagonal([p.precision for p in priors]),
        float(sum(p.constant for p in priors)),
        np.zeros(len(of)),
        joint=tuple(j for one in joints for j in one),
        noise=noise,
    )
    parts = [replace(part, system=replace(part.system, hyperparameters=system.hyperparameters)) for part in parts]
    return Joint(spec, system, tuple(parts), _shown(spec), corr)


_NONE = Moments(0.0, 0.0, np.zeros((0, 0)), (), ())


def _eta(spec: JointSpec, name: str) -> float:
    chosen = spec.prior(name)
    assert chosen is not None
    eta = chosen.prior.get("eta")
    assert isinstance(eta, float)
    return eta


def _merged(
    spec: JointSpec, layouts: Sequence[Layout]
) -> tuple[list[tuple[str, int, int]], list[tuple[tuple[int, np.ndarray], ...]]]:
    """Return the joint factors, and by response the place of each of its own: effects that are correlated come first."""
    common = {shared.rows.factor for shared in spec.shared}
    sizes: dict[str, list[int]] = {}
    for number, layout in enumerate(layouts):
        for name, levels, _ in layout.factors:
            sizes.setdefault(name if name in common else _joint_name(name, levels, number), [levels, 0])
    taken: dict[tuple[int, int, int], int] = {}
    for shared in spec.shared:
        for member in shared.members:
            for place in layouts[member.response].effects:
                if place.key == member.key and place.effect.law == member.effect.law:
                    for k in range(place.effect.width):
                        taken[member.response, place.factor, place.start + k] = sizes[shared.rows.factor][1]
                        sizes[shared.rows.factor][1] += 1
    where, names = [], list(sizes)
    for number, layout in enumerate(layouts):
        own = []
        for f, (name, levels, width) in enumerate(layout.factors):
            joint, spots = name if name in common else _joint_name(name, levels, number), np.empty(width, dtype=np.int64)
            for k in range(width):
                if (number, f, k) in taken:
                    spots[k] = taken[number, f, k]
                else:
                    spots[k] = sizes[joint][1]
                    sizes[joint][1] += 1
            own.append((names.index(joint), spots))
        where.append(tuple(own))
    return [(name, levels, width) for name, (levels, width) in sizes.items()], where


def _joint_name(name: str, levels: int, response: int) -> str:
    """Return the name of a joint factor: factors of one name have the same levels, bases are each response's own."""
    return name if levels > 1 else f"{name} of response {response}"


def _placed(joint: Factor, own: Factor, spots: np.ndarray) -> Factor:
    """Return a joint factor with the scales and correlations of one response's."""
    scales = list(joint.scales)
    for k, spot in enumerate(spots):
        scales[spot] = own.scales[k]
    moved = tuple((int(spots[start]), int(spots[stop - 1]) + 1, first) for start, stop, first in own.blocks)
    return replace(joint, scales=tuple(scales), blocks=(*joint.blocks, *moved), related=own.related or joint.related)


def _sums(
    parts: Sequence[Part], merged: Sequence[tuple[str, int, int]], each: Sequence[Any], places: Sequence[np.ndarray],
    kinds: Mapping[tuple[int, ...], np.ndarray],
) -> list[Moments]:
    """Return by kind of rows the sums of products of all responses' columns, and of the responses, which come last."""
    columns, count = sum(part.system.columns for part in parts), len(parts)
    found = []
    for kind, rows in kinds.items():
        matrix = np.zeros((len(rows), columns + count))
        codes = [np.zeros(len(rows), dtype=np.int64) for _ in merged]
        effects: list[list[Any]] = [[np.zeros(len(rows)) for _ in range(width)] for *_, width in merged]
        for k in kind:
            part, at = parts[k], np.searchsorted(places[k], rows)
            own = each[k] if len(at) == each[k].rows else each[k].take(at)
            y = own.response.value.astype(np.float64) - part.centre
            for key in part.layout.shifts:
                y = y - own.arrays[key]
            every = columns_of(part.layout, own.arrays, slice(None), y)
            matrix[:, part.start : part.start + part.system.columns] = every[:, :-1]
            matrix[:, columns + k] = every[:, -1] - every[:, :-1] @ part.system.origin
            own_codes, own_effects = effects_of_rows(part.layout, own.arrays, slice(None))
            for f, (target, spots) in enumerate(part.places):
                codes[target] = own_codes[f]
                for spot, column in zip(spots, own_effects[f], strict=True):
                    effects[target][spot] = column
        found.append(products(matrix, codes, effects, [levels for _, levels, _ in merged]))
    return found


def _between_responses(
    sums: Moments, of: np.ndarray, owners: Sequence[np.ndarray], i: int, j: int, count: int
) -> Moments:
    """Return the sums that belong to one entry of the residuals' precision, the responses as one column."""
    columns, responses = len(of), np.arange(count)

    def among(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return ((a[:, None] == i) & (b[None] == j)) | ((a[:, None] == j) & (b[None] == i))

    gram = np.zeros((columns + 1, columns + 1))
    gram[:-1, :-1] = sums.gram[:columns, :columns] * among(of, of)
    gram[:-1, -1] = gram[-1, :-1] = (sums.gram[:columns, columns:] * among(of, responses)).sum(axis=1)
    gram[-1, -1] = (sums.gram[columns:, columns:] * among(responses, responses)).sum()
    own, with_columns = [], []
    for owner, square, wide in zip(owners, sums.own, sums.with_columns, strict=True):
        own.append(square * among(owner, owner))
        last = (wide[:, :, columns:] * among(owner, responses)).sum(axis=2, keepdims=True)
        with_columns.append(np.concatenate([wide[:, :, :columns] * among(owner, of), last], axis=2))
    between = {}
    for (f, g), table in sums.between.items():
        coo = table.tocoo()
        a, b = owners[f][coo.coords[0] % len(owners[f])], owners[g][coo.coords[1] % len(owners[g])]
        keep = ((a == i) & (b == j)) | ((a == j) & (b == i))
        between[f, g] = sparse.coo_array((coo.data * keep, coo.coords), shape=coo.shape).tocsr()
    return Moments(sums.rows, 0.0, gram, tuple(own), tuple(with_columns), between)


def _block_diagonal(matrices: Sequence[np.ndarray]) -> np.ndarray:
    size = sum(len(m) for m in matrices)
    found, at = np.zeros((size, size)), 0
    for one in matrices:
        found[at : at + len(one), at : at + len(one)] = one
        at += len(one)
    return found


def _shown(spec: JointSpec) -> ShownNames:
    """Return the ledger of several responses, and labels by dimension."""
    reported: dict[str, Quantity] = {}
    coords: dict[str, tuple[Any, ...]] = {}
    for one in spec.responses:
        names, renamed = shown_names(one), dict[str, str]()
        for dim, labels in names.coords.items():
            renamed[dim] = dim if coords.get(dim, labels) == labels else f"{dim}_of_{one.response.name}"
            coords[renamed[dim]] = labels
        for name, quantity in names.reported.items():
            slot = f"{prefix_of(one)}{quantity.entry.slot}" if quantity.entry.slot else ""
            dims = tuple(renamed.get(dim, dim) for dim in quantity.dims)
            reported[f"{prefix_of(one)}{name}"] = Quantity(None, dims, replace(quantity.entry, slot=slot))
    for shared in spec.shared:
        dim = f"{shared.rows.factor}_pair"
        coords[dim] = shared.pairs
        reported[shared.slot] = Quantity(None, (dim,), Entry(CORRELATION, slot=shared.slot))
    if spec.correlated:
        names_of = spec.names
        coords["response_pair"] = tuple(f"{names_of[j]}, {names_of[i]}" for i in range(1, len(names_of)) for j in range(i))
        reported[RESIDUAL] = Quantity(None, ("response_pair",), Entry(CORRELATION, slot=RESIDUAL))
    return ShownNames(dict(sorted(reported.items(), key=lambda item: ORDER.index(item[1].role))), coords)

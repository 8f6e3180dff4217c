"""Coefficients that codings leave out, beside the others: the last level's of ``C(g, Sum)``, minus the sum of the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesdeep.core.errors import FitError
from bayesdeep.core.lazy import xr
from bayesdeep.core.registry import FAMILIES, TERMS
from bayesdeep.core.writing import LeftOut
from bayesdeep.design.learn import term_nodes
from bayesdeep.spec.slots import prefixed

from .labelled import STANDARD_ERRORS, as_datatree

if TYPE_CHECKING:
    from bayesdeep.spec.model_spec import ModelSpec

    from .labelled import Tree

SAMPLE = ("chain", "draw")


def with_left_out(spec: ModelSpec, tree: Tree | xr.DataTree) -> xr.DataTree:
    """Return a tree whose posterior has these coefficients too, draw by draw; standard errors that cannot be known are NaN.

    Raises
    ------
    FitError
        If no coding of the model leaves one out.
    """
    found: dict[str, list[LeftOut]] = {}
    for name, one in _left_out(spec):
        found.setdefault(name, []).append(one)
    if not found:
        raise FitError(
            "summary: left_out=True shows the coefficient that sums to zero leave out, and no population-level term is coded so: "
            "write C(g, Sum). Helmert's steps are all shown, and a reference level's coefficient is 0"
        )
    whole = as_datatree(tree)
    groups: dict[str, Any] = {"posterior": _extended(whole["posterior"].to_dataset(), found)}
    if STANDARD_ERRORS in whole.children:
        groups[STANDARD_ERRORS] = _extended(whole[STANDARD_ERRORS].to_dataset(), found, errors=True)
    made = xr.DataTree.from_dict(groups)
    made.attrs.update(whole.attrs)
    return made


def _left_out(spec: ModelSpec) -> Iterator[tuple[str, LeftOut]]:
    main = FAMILIES[spec.family].bare
    for predictor in spec.predictors:
        for term, (_, _, node) in zip(predictor.terms, term_nodes(spec.nodes[predictor.parameter]), strict=True):
            declare = TERMS[term.kind].left_out
            for one in () if declare is None else declare(term.state, node):
                yield prefixed(predictor.parameter, main, one.slot), one


def _extended(group: xr.Dataset, found: dict[str, list[LeftOut]], errors: bool = False) -> xr.Dataset:
    """Return the group with further entries along the coefficients' dimension, in the order of its variables."""
    variables: dict[str, Any] = {}
    coords: dict[Any, Any] = {name: coord.variable for name, coord in group.coords.items()}
    for name, value in group.data_vars.items():
        more = found.get(str(name))
        if more is None:
            variables[str(name)] = value.variable
            continue
        dim = next(d for d in value.dims if d not in SAMPLE)
        axis = value.dims.index(dim)
        weights = np.array([one.weights for one in more])
        if errors:  # How estimates go together is not in their errors: a sum of several has none here.
            weights = np.where(np.count_nonzero(weights, axis=1, keepdims=True) == 1, np.abs(weights), np.nan)
        added = np.moveaxis(np.tensordot(weights, value.to_numpy(), (1, axis)), 0, axis)
        labels = [*value[dim].to_numpy().tolist(), *(one.label for one in more)]
        # Others along the same dimension, such as effects that vary by group, have no such entries.
        own = f"{name} with those left out"
        variables[str(name)] = xr.Variable([own if d == dim else d for d in value.dims], np.concatenate([value, added], axis))
        coords[own] = xr.Variable([own], labels)
    return xr.Dataset(variables, coords)

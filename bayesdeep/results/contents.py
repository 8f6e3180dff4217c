"""Whether a tree has what a fit needs: asked before it is saved, and after it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bayesdeep.core.lazy import xr
from bayesdeep.core.links import LINKS
from bayesdeep.core.priors import PriorSpec
from bayesdeep.core.registry import FAMILIES, PRIORS, TERMS
from bayesdeep.spec.model_spec import ModelSpec

from .tree import STREAMED

GROUPS = ("posterior", "observed_data", "constant_data")
ATTRIBUTES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "spec": ((dict,), "a record of the model"),
    "method": ((str,), "text"),
    "exact": ((bool,), "true or false"),
    "seed": ((int,), "a whole number"),
    "seconds_total": ((int, float), "a number"),
}

PARTS = (("responses", "response_", "responses"), ("imputations", "data_set_", "data sets"))
"""Attributes by which trees of several fits are known, how the names of these begin, and what they are."""


def problem(tree: xr.DataTree) -> str | None:
    """Return what keeps a tree from being a fit, or None."""
    for attribute, prefix, what in PARTS:
        if attribute in tree.attrs:
            each = [node for name, node in tree.children.items() if name.startswith(prefix)]
            return next((found for node in each if (found := problem(node)) is not None), None if each else f"it has no {what}")
    return next(_problems(tree), None)


def _problems(tree: xr.DataTree) -> Iterator[str]:
    for name, (types, words) in ATTRIBUTES.items():
        if name not in tree.attrs:
            yield f"it has no attribute '{name}'"
        elif not isinstance(tree.attrs[name], types):
            yield f"its attribute '{name}' is {tree.attrs[name]!r:.60}, not {words}"
    for group in GROUPS:
        if group not in tree.children:
            yield f"it has no group '{group}'"
    try:
        spec = ModelSpec.from_json(tree.attrs["spec"])
        yield from _unknown(spec)
        main = next(iter(spec.formulas))
        if spec.nodes[main].response is None:
            yield f"its formula '{spec.formulas[main]}' has no response"
        yield from _rows(tree, spec)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        yield f"its record of the model cannot be read ({type(error).__name__}: {error})"


def _unknown(spec: ModelSpec) -> Iterator[str]:
    """Yield a sentence for every name in the spec that this version does not know."""
    if spec.family not in FAMILIES:
        yield f"it is of the family '{spec.family}', which there is not (one of your own must be there first: bd.register(…))"
    for link in [*spec.links.values(), *(p.link for p in spec.predictors)]:
        if link not in LINKS:
            yield f"it has the link '{link}', which there is not"
    for kind in (term.kind for p in spec.predictors for term in p.terms):
        if kind not in TERMS:
            yield f"it has a term of the kind '{kind}', which there is not"
    for name in (name for chosen in spec.priors for name in _names(chosen.prior)):
        if name not in PRIORS:
            yield f"it has the prior '{name}', which there is not"


def _names(prior: PriorSpec) -> Iterator[str]:
    yield prior.name
    for _, value in prior.arguments:
        if isinstance(value, PriorSpec):
            yield from _names(value)


def _rows(tree: xr.DataTree, spec: ModelSpec) -> Iterator[str]:
    posterior = tree["posterior"].to_dataset()
    for dim in ("chain", "draw"):
        if posterior.sizes.get(dim, 0) < 1:
            yield f"its posterior has no {dim}s"
    for name, array in posterior.data_vars.items():
        if not {"chain", "draw"} <= set(array.dims) or array.dtype.kind not in "biuf":
            yield f"'{name}' of its posterior is not an array of numbers by chain and draw"
    if STREAMED not in tree.attrs and spec.response.name not in tree["observed_data"].to_dataset():
        yield f"it has no observed '{spec.response.name}'"


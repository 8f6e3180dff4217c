r"""A model of several responses as one graph: a part for each response, and what they have in common.

What is left over of normal responses may be correlated: with :math:`z_{ik} = (y_{ik} - \mu_{ik}) / \sigma_{ik}` and the Cholesky
factor :math:`L` of their correlation matrix a row has the log density
:math:`-\tfrac12 |L^{-1} z_i|^2 - \sum_k (\log L_{kk} + \log \sigma_{ik} + \tfrac12 \log 2\pi)`, over the responses that it has.
Responses of Student's t distribution together have the multivariate one, with :math:`\nu` in common, that of the first.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from bayesdeep.core.errors import FormulaError
from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.links import find_link
from bayesdeep.core.quantities import CORRELATION, ORDER, PARAMETER, Entry, Quantity
from bayesdeep.core.records import Aux
from bayesdeep.core.registry import FAMILIES, PRIORS
from bayesdeep.spec.joint_spec import RESIDUAL, JointSpec, in_order, needs_of, prefix_of

from .build import Graph, ResponseTensors, builder_of, graph_of, tensors_of
from .builder import Builder
from .linear_effects import cholesky_rows
from .scope import TermScope
from .summed_out import summed_out
from .together import Together

LOG_2PI = float(np.log(2.0 * np.pi))


def build_joint(
    spec: JointSpec, each: Sequence[Any], places: Sequence[np.ndarray], rows: int, *, sampled: bool,
    whole: Mapping[int, Any] | None = None,
) -> Graph:
    """Return the graph of several responses that are observed.

    Parameters
    ----------
    each
        Of each response the rows that have it.
    places
        Which of all ``rows`` these are.
    whole
        All rows of responses, by number, whose missing values are predictors of others.
    sampled
        Whether the graph is to be sampled from; see :func:`bayesdeep.graph.build.build`.
    """
    coords: dict[str, tuple[Any, ...]] = {}
    each = [(whole or {}).get(k, own) for k, own in enumerate(each)]
    summed, models = summed_out(spec, places, rows, whole or {}), list(spec.responses)
    for k in summed.own if summed is not None else ():
        assert summed is not None
        place = np.arange(rows) if k in (whole or {}) else places[k]
        models[k], each[k] = summed.response(k, models[k], each[k], place)
    with pm.Model(coords={"obs": np.arange(rows)}) as model:
        parts = [_part(prefix_of(one), one.response.name) for one in spec.responses]
        builders = list[Builder]()
        for k, (one, own, part) in enumerate(zip(models, each, parts, strict=True)):
            with part:
                builder = builder_of(one, own.arrays, own.response, own.rows, observed=True, sampled=sampled)
                builder.prefix, builder.coords = prefix_of(one), coords
                builder.copied = summed is not None and k in summed.own
                builder.obs = "obs" if own.rows == rows else builder.dim(f"{one.response.name}_obs", tuple(range(own.rows)))
                builders.append(builder)
        owner = _owner(spec, coords)
        together = Together(
            spec.shared,
            lambda m: TermScope(builders[m.response], m.parameter, m.key, None),
            lambda: TermScope(owner, owner.bare, "", None),
        )
        degrees = _common_degrees(spec, builders) if spec.correlated else None
        found, filled = dict[int, ResponseTensors](), dict[str, Any]()
        for k in in_order(spec.names, [needs_of(one) for one in spec.responses]):
            builder, own = builders[k], each[k]
            builder.together, builder.filled = partial(together.of, k), filled
            imputed = k in (whole or {})
            apart = not (spec.correlated or imputed or builder.copied)
            with parts[k]:
                found[k] = tensors_of(builder, own.response, own.rows, observed=True, apart=apart)
                if imputed and not builder.copied:
                    filled[spec.names[k]] = _missing_values(builder, found[k], places[k], rows)
        made = [found[k] for k in range(len(each))]
        if summed is not None:

            def scope(k: int, parameter: str, key: str) -> TermScope:
                return TermScope(builders[k], parameter, key, None)

            owner.auxiliary.add(summed.finish(spec, found, owner.unused, scope))
        if spec.correlated:
            values = [builder.data[f"{one.name}_value"] for builder, one in zip(builders, made, strict=True)]
            _residuals(spec, owner, made, values, places, rows, degrees)
        reported = {name: quantity for b in (*builders, owner) for name, quantity in _named(b)}
        ranked = dict(sorted(reported.items(), key=lambda item: ORDER.index(item[1].role)))
        return graph_of(model, rows, tuple(made), (*builders, owner), ranked)


def _part(prefix: str, response: str) -> Any:
    """Return a part of the PyMC model in context, in which all names but the response's begin with the prefix."""

    class Part(pm.Model):
        def name_for(self, name: str) -> str:
            return name if name == response or name.startswith(prefix) else f"{prefix}{name}"

        def name_of(self, name: str) -> str:
            return name.removeprefix(prefix)

    return Part(name=prefix.rstrip("_"))


def _missing_values(builder: Builder, made: ResponseTensors, place: np.ndarray, rows: int) -> Any:
    """Return values ``(missing,)`` of a response where it is missing, and add the log likelihood of the rows that have it."""
    gone = np.setdiff1d(np.arange(rows), place)
    pm.Potential(builder.unused("log_likelihood"), made.pointwise[place].sum())
    own = {name: value if value.ndim == 0 else value[gone] for name, value in made.params.items()}
    name = builder.unused("missing")
    if made.family.residual is not None and made.family.words & {"gaussian"}:
        builder.auxiliary.add(name)
        return own["mu"] + own["sigma"] * pm.Normal(name, 0.0, 1.0, shape=len(gone))
    builder.auxiliary.add(name)
    aux = Aux(find_link(builder.spec.links[builder.main], "link", FormulaError))
    distribution = made.family.rv({k: v + pt.zeros(len(gone)) for k, v in own.items()}, aux)
    return pm.modelcontext(None).register_rv(distribution, name)


class _OfAll:
    """What a scope asks of a spec, of what responses have in common."""

    def __init__(self, spec: JointSpec) -> None:
        self.priors, self.predictors, self.response = spec.priors, (), _NoResponse()
        self._spec = spec

    def prior(self, name: str) -> Any:
        return self._spec.prior(name)


class _NoResponse:
    name = ""


def _owner(spec: JointSpec, coords: dict[str, tuple[Any, ...]]) -> Builder:
    builder = Builder(_OfAll(spec), FAMILIES[spec.responses[0].family])  # type: ignore[arg-type]
    builder.coords = coords
    return builder


def _named(builder: Builder) -> Iterator[tuple[str, Quantity]]:
    """Yield what a builder has reported under the names of the joint posterior."""
    for name, quantity in builder.reported.items():
        entry = quantity.entry
        slot = f"{builder.prefix}{entry.slot}" if entry.slot else ""
        yield f"{builder.prefix}{name}", Quantity(quantity.tensor, quantity.dims, replace(entry, slot=slot))


def _residuals(
    spec: JointSpec, owner: Builder, made: Sequence[ResponseTensors], values: Sequence[Any], places: Sequence[np.ndarray],
    rows: int, degrees: Any,
) -> None:
    """Add the log likelihood of correlated responses to the model in context, and report the correlations."""
    chosen, names = spec.prior(RESIDUAL), spec.names
    assert chosen is not None
    scope = TermScope(owner, owner.bare, "", None)
    size = len(names)
    labels = tuple(f"{names[j]}, {names[i]}" for i in range(1, size) for j in range(i))
    dim = owner.dim("response_pair", labels)
    pairs = PRIORS[chosen.prior.name].block(scope, RESIDUAL, dict(chosen.prior.arguments), size)
    pairs = pm.Deterministic(RESIDUAL, pairs, dims=(dim,))
    owner.reported[RESIDUAL] = Quantity(pairs, (dim,), Entry(CORRELATION, slot=RESIDUAL))
    standard, log_sds = list[Any](), list[Any]()
    for one, value in zip(made, values, strict=True):
        sigma = one.params["sigma"]
        standard.append((value - one.params["mu"]) / sigma)
        log_sds.append(pt.log(sigma) + pt.zeros_like(standard[-1]))
    pm.Potential("log_likelihood", _log_density(pairs, size, standard, log_sds, places, rows, degrees))


def patterns(places: Sequence[np.ndarray], rows: int) -> dict[tuple[int, ...], np.ndarray]:
    """Return the rows that have the same responses, by which these are."""
    present = np.zeros((rows, len(places)), dtype=bool)
    for k, place in enumerate(places):
        present[place, k] = True
    kinds, which = np.unique(present, axis=0, return_inverse=True)
    found = ((tuple(np.flatnonzero(kind).tolist()), np.flatnonzero(which.ravel() == k)) for k, kind in enumerate(kinds))
    return {kind: own for kind, own in found if kind}


def _log_density(
    pairs: Any, size: int, standard: Sequence[Any], log_sds: Sequence[Any], places: Sequence[np.ndarray], rows: int,
    degrees: Any,
) -> Any:
    total: Any = 0.0
    index = {(i, j): i * (i - 1) // 2 + j for i in range(1, size) for j in range(i)}
    for kind, own in patterns(places, rows).items():
        among = [pairs[index[kind[i], kind[j]]] for i in range(1, len(kind)) for j in range(i)]
        factor = cholesky_rows(among, len(kind))
        white = list[Any]()
        for i, k in enumerate(kind):
            at = np.searchsorted(places[k], own)
            whole = len(at) == len(places[k])
            z, log_sd = (standard[k], log_sds[k]) if whole else (standard[k][at], log_sds[k][at])
            less = sum((factor[i][j] * white[j] for j in range(i)), start=0.0)
            white.append((z - less) / factor[i][i])
            total = total - log_sd.sum() - len(own) * pt.log(factor[i][i])
        total = total + _standard_log_density(sum(w**2 for w in white), len(kind), degrees).sum()
    return total


def _standard_log_density(square: Any, count: int, degrees: Any) -> Any:
    """Return the log density of ``count`` uncorrelated standard responses from the sum of their squares."""
    if degrees is None:
        return -0.5 * (square + count * LOG_2PI)
    constant = pt.gammaln(0.5 * (degrees + count)) - pt.gammaln(0.5 * degrees) - 0.5 * count * pt.log(degrees * np.pi)
    return constant - 0.5 * (degrees + count) * pt.log1p(square / degrees)


def _common_degrees(spec: JointSpec, builders: Sequence[Builder]) -> Any:
    """Return the degrees of freedom that all responses have, which are made as the first one's; None where there are none."""
    name = FAMILIES[spec.responses[0].family].degrees
    if not name:
        return None
    scopes = [TermScope(builder, builder.bare, name, None) for builder in builders]
    found = scopes[0].naming(partial(scopes[0].parameter, name))
    for builder, scope in zip(builders[1:], scopes[1:], strict=True):
        builder.parameters[name] = scope.naming(partial(scope.report, name, found, (), PARAMETER, slot=name))
    return found


def owned(reported: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """Return the names of one response's quantities in a joint posterior, by the names they have without its own."""
    return {name.removeprefix(prefix): name for name in reported if name.startswith(prefix)}

r"""Mixtures: each response is of one of a few components, and nobody knows which.

.. math:: p(y_i) = \sum_{k=1}^K w_{ik}\, p_k(y_i \mid \mu_{ik}, \ldots), \qquad
    w_{i1} = \theta_1, \quad w_{ik} = \theta_k \prod_{j < k} (1 - \theta_j) .

The formula is that of every component's ``mu1``, ``mu2``, … unless one has its own, ``mu2="~ 1"``; other parameters are numbered
alike, ``sigma1``. ``theta1`` is the first component's share, ``theta2`` the second's of what the first leaves, and so on, each
with a formula if that is wanted; by default all shares of all components are equally likely.

Where components are alike (one family, one formula, one prior) nothing says which is the first. The posterior is then the same
under any order of them, and each draw is shown in the order of the components' predictors, on average over rows; that is the
posterior under the constraint that they are in order.

Frühwirth-Schnatter (2006), Finite Mixture and Markov Switching Models, chapters 2 and 3; Stephens (2000),
doi:10.1111/1467-9868.00265.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.lazy import pm, pt
from bayesdeep.core.records import Aux, Components, Default, Family, Link, Parameter, Response
from bayesdeep.core.registry import FAMILIES
from bayesdeep.core.supports import in_words

from ._custom import custom
from ._scale import unit_spread
from ._unit import UNIT_LINKS, inner_unit

MOST = 5
"""Most components: of more, hardly any data say how many there are."""

def mixture(*components: str) -> Family:
    """Return the mixture of families, two to five of them, for ``bd.Model(…, family=bd.mixture("gaussian", "student_t"))``.

    Parameters
    ----------
    components
        Names of families with the same possible responses, alike or not.

    Raises
    ------
    FormulaError
        For fewer than two or more than five, a family there is not, and families with different possible responses.
    """
    return FAMILIES["mixture"].of(components=list(components))


def variant(components: list[str] | tuple[str, ...] = ("gaussian", "gaussian")) -> Family:
    """Return the mixture of these families."""
    if not isinstance(components, list | tuple) or not 2 <= len(components) <= MOST:
        raise ValueError(f"a mixture has two to {MOST} components, as in bd.mixture('gaussian', 'student_t')")
    families = [FAMILIES.find(name, "formula", FormulaError) for name in components]
    for family in families:
        _check_component(family)
    _check_alike(families)
    parameters = [_numbered(p, k, families) for k, family in enumerate(families, 1) for p in family.parameters]
    # Every formula's parameter comes before those that have one rarely.
    parameters.sort(key=lambda p: p.follows != "" or not p.name.startswith(families[0].main.name + "1"))
    parameters += [_share(k, len(families)) for k in range(1, len(families))]
    given = tuple(families)
    return Family(
        name="mixture",
        title=f"mixture of {', '.join(f.title for f in families)}",
        parameters=tuple(parameters),
        code=partial(_code, given),
        support=families[0].support,
        rv=partial(_rv, given),
        mean=partial(_mean, given),
        variance=partial(_variance, given) if all(f.variance is not None for f in families) else None,
        scale=families[0].scale,
        modifiers=frozenset({"weighted"}).intersection(*(f.modifiers for f in families)),
        words=frozenset({"discrete"}).intersection(*(f.words for f in families)),
        components=Components(partial(_log_parts, given), partial(_in_order, given)),
        example=_example(given),
        density=_density(given),
        variant=variant,
        aliases=("finite_mixture", "mix"),
        notes=(
            "theta1 is the share of the first component, theta2 that of the second in what the first leaves. Components that are "
            "alike are shown in the order of their predictors."
        ),
    )


def _can_be_component(family: Family) -> bool:
    """Return whether it is of numbers, with parameters that can be numbered."""
    strange = family.words & {"levels", "two_levels", "trials", "several_columns", "no_intercept"}
    shapes = {parameter.shape for parameter in family.parameters} - {"row"}
    return not (strange or shapes or family.atoms or family.components is not None)


def _check_component(family: Family) -> None:
    """Refuse families whose parameters cannot be numbered."""
    if not _can_be_component(family):
        raise FormulaError(
            f"formula: family '{family.name}' cannot be a component of a mixture; components are families of numbers, such as "
            "gaussian, student_t, gamma, lognormal, poisson and negative_binomial"
        )


def _possible(family: Family) -> str:
    """Return a component's possible responses in words."""
    return in_words(family.support, whole="discrete" in family.words)


def _check_alike(families: list[Family]) -> None:
    """Refuse families with different possible responses, and say which have which."""
    given = {family.name: _possible(family) for family in families}
    if len(set(given.values())) == 1:
        return
    said = "; ".join(f"{name} is of {possible}" for name, possible in given.items())
    able = {name: _possible(family) for name, family in FAMILIES.items() if _can_be_component(family)}
    alike = {possible: [name for name, own in able.items() if own == possible] for possible in given.values()}
    choice = "; ".join(f"of {possible}: {', '.join(names)}" for possible, names in alike.items())
    raise FormulaError(
        f"formula: a mixture of {', '.join(given)}: components have the same possible responses, but {said}. There are, "
        f"{choice}"
    )


def _numbered(parameter: Parameter, number: int, families: list[Family]) -> Parameter:
    """Return a component's parameter under its number; the main ones have the first one's formula if they have none."""
    family = families[number - 1]
    main = parameter.name == family.main.name
    follows = f"{families[0].main.name}1" if main and number > 1 else ""
    return replace(parameter, name=f"{parameter.name}{number}", follows=follows, numbered=True)


def _share(number: int, count: int) -> Parameter:
    """Return the share of a component in what those before it leave."""

    def prior(response: Response, link: Link) -> Default:
        del response, link
        return Default(f"Beta(1, {count - number})", "all shares of all components are equally likely")

    return Parameter(f"theta{number}", UNIT_LINKS, "unit", prior, spread=unit_spread, numbered=True)


def _own(families: tuple[Family, ...], params: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return a component's parameters by the names it knows."""
    return {p.name: params[f"{p.name}{number}"] for p in families[number - 1].parameters}


def _log_shares(params: Mapping[str, Any], count: int) -> list[Any]:
    """Return the logarithm of each component's share."""
    found, left = [], 0.0
    for number in range(1, count):
        theta = inner_unit(params[f"theta{number}"])
        found.append(left + pt.log(theta))
        left = left + pt.log1p(-theta)
    return [*found, left]


def _log_parts(families: tuple[Family, ...], params: Mapping[str, Any], aux: Aux, value: Any) -> Any:
    """Return ``log w_k p_k(y)`` ``(obs, component)``."""
    shares = _log_shares(params, len(families))
    parts = [
        share + pm.logp(family.rv(_own(families, params, k), aux), value)
        for k, (family, share) in enumerate(zip(families, shares, strict=True), 1)
    ]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + pt.zeros_like(part)
    return pt.stack([part + pt.zeros_like(whole) for part in parts], axis=-1)


def _rv(families: tuple[Family, ...], params: Mapping[str, Any], aux: Aux) -> Any:
    names = tuple(params)

    def logp(value: Any, *given: Any) -> Any:
        return pt.logsumexp(_log_parts(families, dict(zip(names, given, strict=True)), aux, value), axis=-1)

    def draw(*given: Any) -> Any:
        *values, size = given
        own = dict(zip(names, values, strict=True))
        like: Any = sum(pt.zeros_like(value) for value in values)
        own = {name: value + like for name, value in own.items()}
        u = pm.Uniform.dist(like, like + 1.0, size=size)
        found, below = None, 0.0
        for k, (family, share) in enumerate(zip(families, _log_shares(own, len(families)), strict=True), 1):
            one = family.rv(_own(families, own, k), aux)
            found = one if found is None else pt.switch(pt.lt(u, below), found, one)
            below = below + pt.exp(share)
        return found

    tensors = [pt.as_tensor(params[name]) for name in names]
    return custom("Mixture", logp, draw, *tensors, signature=f"{','.join('()' for _ in names)}->()")


def _mean(families: tuple[Family, ...], params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the mean of the components' means."""
    shares = _log_shares(params, len(families))
    parts = (f.mean(_own(families, params, k), aux) for k, f in enumerate(families, 1))
    return sum(pt.exp(share) * part for share, part in zip(shares, parts, strict=True))


def _variance(families: tuple[Family, ...], params: Mapping[str, Any], aux: Aux) -> Any:
    """Return the mean of the components' variances and the variance of their means."""
    middle, total = _mean(families, params, aux), 0.0
    for k, (family, share) in enumerate(zip(families, _log_shares(params, len(families)), strict=True), 1):
        own = _own(families, params, k)
        assert family.variance is not None
        total = total + pt.exp(share) * (family.variance(own, aux) + (family.mean(own, aux) - middle) ** 2)
    return total


def _code(families: tuple[Family, ...], response: Response) -> Response:
    found = response
    for family in families[::-1]:
        try:
            found = family.code(response)
        except DataError as error:
            raise DataError(str(error).replace(f": {family.name} needs", ": mixture needs", 1)) from None
    return found


def _in_order(
    families: tuple[Family, ...], values: Mapping[str, np.ndarray], level: Callable[[str], np.ndarray | None],
    alike: Callable[[str, str], bool],
) -> dict[str, np.ndarray]:
    """Return draws by name with components that are alike in the order of their predictors.

    Parameters
    ----------
    values
        By posterior name, ``(draw, …)``.
    level
        ``level(parameter)``: its predictor on average over rows ``(draw,)``; None where it has none.
    alike
        ``alike(one, other)``: whether two parameters have one formula, one prior and one link.
    """
    count, first = len(families), families[0]
    names = [p.name for p in first.parameters]
    same = all(
        f.name == first.name and all(alike(f"{name}1", f"{name}{k}") for name in names) for k, f in enumerate(families[1:], 2)
    )
    levels = [level(f"{first.main.name}{k}") for k in range(1, count + 1)]
    plain = all(f"theta{k}" in values for k in range(1, count))
    if not same or not plain or any(one is None for one in levels):
        return dict(values)
    order = np.argsort(np.stack([np.asarray(one) for one in levels], axis=1), axis=1, kind="stable")
    found, rows = dict(values), np.arange(len(order))
    for name, value in values.items():
        for base in names:
            rest = name.removeprefix(f"{base}1")
            if name.startswith(f"{base}1") and (rest == "" or rest.startswith("_")):
                every = np.stack([values[f"{base}{k}{rest}"] for k in range(1, count + 1)], axis=1)
                for k in range(count):
                    found[f"{base}{k + 1}{rest}"] = every[rows, order[:, k]]
        del value
    sticks = np.stack([values[f"theta{k}"] for k in range(1, count)], axis=1)
    left = np.cumprod(np.concatenate([np.ones((len(order), 1)), 1.0 - sticks], axis=1), axis=1)
    shares = np.concatenate([sticks, np.ones((len(order), 1))], axis=1) * left
    shares = np.take_along_axis(shares, order, axis=1)
    beyond = np.cumsum(shares[:, ::-1], axis=1)[:, ::-1]
    for k in range(1, count):
        found[f"theta{k}"] = np.clip(shares[:, k - 1] / np.maximum(beyond[:, k - 1], 1e-300), 0.0, 1.0)
    return found


def _example(families: tuple[Family, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for k, family in enumerate(families, 1):
        found |= {f"{name}{k}": value for name, value in family.example.items()}
    found |= {f"theta{k}": 0.4 for k in range(1, len(families))}
    # Components that are alike would be one.
    main = f"{families[-1].main.name}{len(families)}"
    return found | {main: found[main] + 1.0}


def _density(families: tuple[Family, ...]) -> str:
    lines = ["{y} is of one of the components, of component k with the probability w_k"]
    for k, family in enumerate(families, 1):
        left = " · ".join(f"(1 - {{theta{j}}})" for j in range(1, k))
        own = f"{{theta{k}}}" if k < len(families) else ""
        law = family.density.split("\n")[0]
        for parameter in family.parameters:
            law = law.replace(f"{{{parameter.name}}}", f"{{{parameter.name}{k}}}")
        lines.append(f"    w_{k} = {' · '.join(part for part in (own, left) if part)}: {law}")
    return "\n".join(lines)


FAMILY = variant()

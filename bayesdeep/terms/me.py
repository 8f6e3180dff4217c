r"""``me(x, sd_x, gr=g)``: a column that was measured with a known error.

The predictor has the slope :math:`b` of the true value :math:`\xi`, of which :math:`x` is a measurement,

.. math:: x_i \sim \operatorname{Normal}(\xi_i, s_i^2), \qquad \xi_i \sim \operatorname{Normal}(m, \tau^2) ,

with known standard errors :math:`s_i`. The slope of :math:`x` itself would be too small by the factor
:math:`r_i = \tau^2 / (\tau^2 + s_i^2)`. The posterior shows ``me(x)``, which is :math:`b`, ``me(x)_mean`` and ``me(x)_sd``.

True values are not sampled. Given the measurement, a true value is normal about :math:`\hat\xi_i = m + r_i (x_i - m)` with the
variance :math:`v_i = r_i s_i^2`; a normal response is therefore normal about :math:`b \hat\xi_i` with :math:`b^2 v_i` beside its
own variance, row by row and exactly. So are new rows.

With ``gr=g`` there is one true value for each level of ``g``, measured once and written in each of the level's rows. It is
:math:`\hat\xi_g + \sqrt{v_g} z_g` with a standard normal :math:`z_g`, which is sampled (``me(x)_latent``, which tables leave
out), so that the response may be anything.

Carroll, Ruppert, Stefanski and Crainiceanu (2006), Measurement Error in Nonlinear Models, second edition, chapters 3 and 8.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.errors import DataError, FormulaError
from bayesdeep.core.lazy import pt
from bayesdeep.core.names import posterior_name
from bayesdeep.core.options import number_of, options_of
from bayesdeep.core.priors import PRIOR_SCALE_IN_SPREADS, Slot, rounded
from bayesdeep.core.quantities import COEFFICIENT, PARAMETER, WEIGHT
from bayesdeep.core.records import Default
from bayesdeep.core.terms import DesignContext, Scope, Term
from bayesdeep.core.writing import Addend

LOG_ROOT = 0.5 * float(np.log(2 * np.pi))
OPTIONS = ("gr",)
ROUNDING = 1e-14
"""A column whose standard deviation is below this share of its mean does not vary: what is left is rounding."""


def learn(node: Any, context: DesignContext) -> Json:
    """Return the column's mean and sd, of levels where a level has one true value, and their labels."""
    where = f"{context.where}: {node.source}"
    options = options_of(node, OPTIONS, where)
    if len(node.arguments) != 2:
        raise FormulaError(f"{where}: me() takes a column and its standard errors, a column or a number: me(x, sd_x)")
    column = _text(node.arguments[0])
    if any(product == (node.arguments[0],) for product in context.population[1]):
        raise FormulaError(f"{where}: '{column}' is a measurement of what has the effect here; leave '{column}' by itself out")
    x, errors = context.values(node.arguments[0]), _errors(node, context)
    state: Json = {"name": posterior_name(f"me({column})"), "column": column, "error": _text(node.arguments[1])}
    if "gr" in options:
        group = options["gr"]
        if not hasattr(group, "name"):
            raise FormulaError(f"{where}: gr={group.source} is not a column of groups that have one true value each, as in gr=g")
        labels = context.learn_levels((group,))
        codes = context.codes((group,), group.name, labels)
        _refuse_several(state, x, errors, codes, labels, group.name)
        state |= {"factor": posterior_name(group.name), "labels": list(labels)}
        once = np.unique(codes, return_index=True)[1]
        x, errors = x[once], errors[once]
    if not x.std() > ROUNDING * abs(x.mean()):
        raise FormulaError(f"{where}: '{column}' is constant (every value is {x[0]:g}); its effect cannot be learned")
    if not errors.any():
        raise FormulaError(f"{where}: every standard error is 0; write {column}")
    return {**state, "mean": float(x.mean()), "sd": float(x.std())}


def _text(node: Any) -> str:
    return str(getattr(node, "name", None) or node.source)


def _errors(node: Any, context: DesignContext) -> np.ndarray:
    """Return the rows' standard errors ``(obs,)``."""
    given = node.arguments[1]
    number = number_of(given)
    found = context.values(given) if number is None else np.full(context.rows, number)
    if (found < 0).any():
        row = int(np.argmax(found < 0))
        raise DataError(f"data: {node.source}: the standard error of row {row + 1} is {found[row]:g}; it has to be 0 or larger")
    return np.asarray(found, dtype=np.float64)


def _refuse_several(
    state: Json, x: np.ndarray, errors: np.ndarray, codes: np.ndarray, labels: tuple[Any, ...], factor: str
) -> None:
    """Raise where the rows of a level say two things of its measurement."""
    for name, values in ((state["column"], x), (state["error"], errors)):
        first = np.zeros(len(labels))
        first[codes] = values
        apart = np.flatnonzero(first[codes] != values)
        if len(apart):
            code = int(codes[apart[0]])
            several = np.unique(values[codes == code])[:2]
            raise DataError(
                f"data: level {labels[code]!r} of '{factor}' has {name} = {several[0]:.6g} and {several[1]:.6g}; with "
                f"gr={factor} it has one true value and one measurement of it, the same in all its rows (of several "
                "measurements their mean, with its standard error)"
            )


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return each row's measurement and standard error ``(obs,)``, and its level where levels have one true value."""
    found = {"x": np.asarray(context.values(node.arguments[0]), dtype=np.float64), "error": _errors(node, context)}
    if "factor" in state:
        group = dict(node.options)["gr"]
        return found | {"codes": context.codes((group,), state["factor"], tuple(state["labels"]))}
    # Two rows are never alike: each has a measurement of its own.
    return found | {"row": np.arange(context.rows, dtype=np.int64)}


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return slots for the slope, and for mean and sd of the true values."""
    name, mean, sd = state["name"], state["mean"], state["sd"]
    unit = spread / sd
    why = f"{PRIOR_SCALE_IN_SPREADS} spreads of the predictor per sd of the column"
    slope = Default(f"Normal(0, {PRIOR_SCALE_IN_SPREADS * unit:.4g})", why)
    middle = Default(
        f"Normal({rounded(mean, sd)}, {PRIOR_SCALE_IN_SPREADS * sd:.4g})", f"the column's mean, {PRIOR_SCALE_IN_SPREADS} sds"
    )
    return (
        Slot(name, "real", slope, COEFFICIENT, 1, unit),
        Slot(f"{name}_mean", "real", middle, PARAMETER, 1, sd),
        Slot(f"{name}_sd", "positive", Default(f"HalfStudentT(3, {sd:.4g})", "sd of the column"), PARAMETER, 1, sd),
    )


def eta(scope: Scope, state: Json) -> Any:
    """Return the effect of the true values at the rows, as far as the measurements say them; what is left is noise."""
    name, alone = state["name"], scope.alone()
    mean, sd = alone.variable(f"{name}_mean"), alone.variable(f"{name}_sd")
    slope = scope.variable(name)
    x, square = scope.data("x"), scope.data("error") ** 2
    total = sd**2 + square
    share = sd**2 / total
    measured = -0.5 * (x - mean) ** 2 / total - 0.5 * pt.log(total) - LOG_ROOT
    expected, left = mean + share * (x - mean), share * square
    scope.at_means(slope * state["mean"])
    if "factor" not in state:
        alone.observe(f"{name}_measured", measured.sum())
        scope.noise(slope**2 * left)
        return slope * expected
    codes, level = scope.data("codes"), alone.dim(state["factor"], tuple(state["labels"]), state["factor"])
    rows = pt.zeros(len(state["labels"]))[codes].inc(1.0)[codes]
    # A level's measurement is in each of its rows.
    alone.observe(f"{name}_measured", (measured / rows).sum())
    z = alone.hidden(f"{name}_z", "Normal", {"mu": 0.0, "sigma": 1.0}, (level,))
    true = expected + pt.sqrt(left) * alone.report(f"{name}_latent", z, (level,), WEIGHT, standard=z)[codes]
    return slope * (true if scope.width is None else true[:, None])


def groups(state: Json) -> Mapping[str, tuple[Any, ...]]:
    """Return the factor whose levels have one true value each."""
    return {state["factor"]: tuple(state["labels"])} if "factor" in state else {}


def codes(state: Json) -> Mapping[str, str]:
    """Return where the rows' levels are."""
    return {state["factor"]: "codes"} if "factor" in state else {}


def relabel(state: Json, labels: Mapping[str, tuple[Any, ...]]) -> Json:
    """Return the state with other levels."""
    return {**state, "labels": list(labels[state["factor"]])} if state.get("factor") in labels else state


def words(state: Json) -> frozenset[str]:
    """It lifts the predictor by its value at the mean, and adds noise where rows have a true value each."""
    return frozenset({"lifts"}) if "factor" in state else frozenset({"lifts", "noise"})


def written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return the function, with the measurement's law below."""
    del node

    def body(called: str, level: str) -> tuple[str, ...]:
        prefix = called.partition(state["name"])[0]
        i = f"[{state['factor']}ᵢ]" if "factor" in state else "ᵢ"
        law = f"Normal({prefix}{state['name']}_mean, {prefix}{state['name']}_sd)"
        return (
            f"{called} = β({prefix}{state['name']}){level} · ξ{i}",
            f"    {state['column']}ᵢ ~ Normal(ξ{i}, {state['error']}{'' if _number(state['error']) else 'ᵢ'}), ξ{i} ~ {law}",
        )

    return (Addend(state["name"], None, (), body),)


def _number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


TERM = Term(
    "me", learn, arrays, slots, eta, groups, words, call=True, written=written, codes=codes, relabel=relabel, named=("gr",),
    beside=(1,), example="me(x, 0.5)",
)

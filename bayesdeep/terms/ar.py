r"""``ar(t, gr=g, p=1)``: what is left over at one time goes on at the next; one series of evenly spaced times, or one a group.

**Residuals.** Where the response is normal or Student's t, under the identity link and neither censored nor truncated, with
:math:`\eta_t` the sum of all other addends,

.. math:: y_t = \eta_t + \sum_{k=1}^{p} \phi_k (y_{t-k} - \eta_{t-k}) + e_t, \qquad e_t \sim \operatorname{Normal}(0, \sigma^2),

given the responses before; at the first rows of a series the lags that are not there are left out. So ``sigma`` is the sd of a
step, :math:`e_t`, and not that of a residual, which with one lag is :math:`\sigma / \sqrt{1 - \phi^2}`. Rows may come in any
order. Each step of a series has one row: a step with two or with none is an error.

The mean of a row, its log likelihood and its predictive distribution are those *one step ahead*, given the responses
before it; ``kind="linear"`` is :math:`\eta`, and slopes and curves are of that. Leave-one-out and folds at random leave out a row
whose neighbours stay, which is not how well the future is foretold. New rows are predicted from the rows that the model was
fitted to. Several steps after the last row of a series they are drawn one after another, so that a path is one draw
(:mod:`bayesdeep.results.paths_ahead`): the rows of all steps in between have to be there. With their responses, for scores, new
rows go on from each other, one step ahead each. A new series has no rows before it: its rows are predicted as the first row of a
series is.

**A process.** Everywhere else (other responses, other parameters) the predictor has a latent process of its own,

.. math:: x_t = \sum_{k=1}^{p} \phi_k x_{t-k} + e_t, \qquad e_t \sim \operatorname{Normal}(0, \tau^2),

stationary from its first step on: with one lag :math:`x_1 \sim \operatorname{Normal}(0, \tau^2 / (1 - \phi^2))`. The posterior
shows ``ar(t)_sigma`` for :math:`\tau`. There it has at most :data:`MOST_STEPS` steps a series; a step may have several rows, or
none. Times after the last, and new series, are an error.

The posterior shows :math:`\phi` as ``ar(t)``, by ``lag``. Its prior is on partial autocorrelations (Barndorff-Nielsen and Schou
1973, doi:10.1016/0047-259X(73)90030-4), numbers between -1 and 1 that make all stationary processes and no others. With one lag
these are :math:`\phi` itself; with more they are ``ar(t)_partial``.

Box and Jenkins (1970), Time Series Analysis, chapter 3.
"""

from typing import Any

import numpy as np

from bayesdeep.core.columns import Json
from bayesdeep.core.errors import DataError, FormulaError, of_data
from bayesdeep.core.lags import SERIES, STEP
from bayesdeep.core.lazy import pt
from bayesdeep.core.names import posterior_name
from bayesdeep.core.options import number_of, options_of
from bayesdeep.core.priors import Slot
from bayesdeep.core.quantities import PARAMETER, SD, WEIGHT
from bayesdeep.core.records import Default
from bayesdeep.core.terms import DesignContext, Scope, Term
from bayesdeep.core.writing import Addend

from ._autoregression import from_partial, process_root, root_of_order
from ._series import learn_series, series_of, steps_of

OPTIONS = ("gr", "p")
MOST_LAGS = 12
MOST_STEPS = 300
"""Of a latent process: its values are a matrix of as many rows and columns times the innovations."""


def learn(node: Any, context: DesignContext) -> Json:
    """Return the number of lags, the grid of times and the series, as JSON."""
    where = f"{context.where}: {node.source}"
    if len(node.arguments) != 1 or hasattr(node.arguments[0], "value"):
        raise FormulaError(f"{where}: ar() takes one column of times, and all else has a name, as in ar(t, gr=g, p=2)")
    options = options_of(node, OPTIONS, where)
    lags = number_of(options["p"]) if "p" in options else 1
    if lags is None or lags != int(lags) or not 1 <= lags <= MOST_LAGS:
        raise FormulaError(f"{where}: p={options['p'].source} is not a number of lags, 1 to {MOST_LAGS}")
    group = options.get("gr")
    if group is not None and not hasattr(group, "name") and not hasattr(group, "arguments"):
        raise FormulaError(f"{where}: gr={group.source} is not a column that tells series apart, as in gr=g")
    times = np.asarray(context.values(node.arguments[0]), dtype=np.float64)
    text = _text(node.arguments[0])
    own = learn_series(times, group, "" if group is None else _text(group), context, where)
    if own["count"] <= lags:
        raise FormulaError(f"{where}: series of {own['count']} steps are too short for {int(lags)} lags")
    return {"name": posterior_name(f"ar({text})"), "columns": text, "p": int(lags), "latent": False, **own}


def _text(node: Any) -> str:
    return str(getattr(node, "name", None) or node.source)


def placed(state: Json, about: bool) -> Json:
    """Return the state of lagged residuals where the response is the predictor and noise about it, else of a latent process."""
    if about:
        if state["against"]:
            raise FormulaError(state["against"])
        return {**state, "latent": False}
    if state["count"] > MOST_STEPS:
        raise FormulaError(
            f"here it is a process in the predictor, of {MOST_STEPS} steps at most, and there are {state['count']:,}; take "
            "coarser times, or write rw() or gp()"
        )
    return {**state, "latent": True}


def arrays(state: Json, node: Any, context: DesignContext) -> dict[str, np.ndarray]:
    """Return each row's step and series ``(obs,)``."""
    times = np.asarray(context.values(node.arguments[0]), dtype=np.float64)
    steps = steps_of(state, times, context.where)
    if state["latent"]:
        outside = (steps < 0) | (steps >= state["count"])
        if outside.any():
            end = state["first"] + (state["count"] - 1) * state["step"]
            raise DataError(
                f"{of_data(context.where)}: {state['name']}: the time {times[int(np.argmax(outside))]:g} is not one of "
                f"{state['first']:g} to {end:g}, to which the process was fitted; rw(t, ahead=…) goes on after the last"
            )
    return {STEP: steps, SERIES: series_of(state, dict(node.options).get("gr"), context, closed=state["latent"])}


def slots(state: Json, spread: float) -> tuple[Slot, ...]:
    """Return a slot for the partial autocorrelations, and one for the sd of a latent process's step."""
    own = state["name"] if state["p"] == 1 else f"{state['name']}_partial"
    even = Default("Uniform(-1, 1)", "partial autocorrelations, alike between -1 and 1: all stationary processes, and no others")
    found = [Slot(own, "signed_unit", even, PARAMETER, state["p"])]
    if state["latent"]:
        reason = "a step as large as the predictor's spread"
        found.append(Slot(f"{state['name']}_sigma", "positive", Default(f"HalfStudentT(3, {spread:.4g})", reason), SD, 1, spread))
    return tuple(found)


def eta(scope: Scope, state: Json) -> Any:
    """Return the latent process at the rows; 0 where residuals lead on, which is said to the scope."""
    name, alone = state["name"], scope.alone()
    lag = alone.dim("lag", tuple(range(1, state["p"] + 1)))
    if state["p"] == 1:
        partial = phi = [alone.variable(name, (lag,))[0]]
    else:
        found = alone.variable(f"{name}_partial", (lag,))
        partial = [found[k] for k in range(state["p"])]
        shown = alone.report(name, pt.stack(from_partial(partial)), (lag,), PARAMETER)
        phi = [shown[k] for k in range(state["p"])]
    if not state["latent"]:
        scope.lagged(phi)
        return 0.0
    sigma = alone.variable(f"{name}_sigma")
    steps, labels = state["count"], tuple(state.get("labels", ("all",)))
    times = tuple(f"{state['first'] + k * state['step']:g}" for k in range(steps))
    dims = (alone.dim(f"{name}_series", labels), alone.dim(f"{name}_time", times))
    z = alone.hidden(f"{name}_z", "Normal", {"mu": 0.0, "sigma": 1.0}, dims)
    root = process_root(phi[0], steps) if state["p"] == 1 else root_of_order(partial, steps)
    process = alone.report(f"{name}_process", sigma * alone.dot(z, root.T), dims, WEIGHT, standard=z)
    found = process[scope.data(SERIES), scope.data(STEP)]
    return found if scope.width is None else found[:, None]


def lags(state: Json) -> int:
    """Return how many rows before a row its response leans on."""
    return 0 if state["latent"] else int(state["p"])


def words(state: Json) -> frozenset[str]:
    """It has no values between times."""
    del state
    return frozenset({"stepped"})


def written(state: Json, node: Any) -> tuple[Addend, ...]:
    """Return what it adds to the mean at row i, and what that is."""
    del node
    series = f"[{state['factor']}ᵢ]" if "factor" in state else ""

    def body(called: str, level: str) -> tuple[str, ...]:
        own = called.removesuffix("ᵢ")
        if state["latent"]:
            sums = " + ".join(f"{own}[{k}] · x[t − {k}]" for k in range(1, state["p"] + 1))
            start = f"x[1] ~ Normal(0, {own}_sigma / √(1 − {own}[1]²))" if state["p"] == 1 else "stationary from the first on"
            law = f"x[t] = {sums} + Normal(0, {own}_sigma), {start}"
            return (f"{called}{level} = x{series}[{state['columns']}ᵢ]", f"    {law}")
        apart = (f"{k} step{'s' if k > 1 else ''}" for k in range(1, state["p"] + 1))
        left = (f"{own}[{k}] · r{series}[{state['columns']}ᵢ − {steps}]" for k, steps in enumerate(apart, start=1))
        sums = " + ".join(left)
        return (f"{called}{level} = {sums}", "    r = response − all other addends, 0 before a series begins")

    return (Addend(state["name"], None, (), body),)


TERM = Term(
    "ar",
    learn,
    arrays,
    slots,
    eta,
    words=words,
    call=True,
    named=("gr",),
    placed=placed,
    lags=lags,
    written=written,
    levels=True,  # between two steps there is no value, so that there is no slope either
    example="ar(t)",
)

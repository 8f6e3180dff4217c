"""Which engine ``auto`` takes, with what settings, and why: from the model and the number of rows alone, not from a clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from bayesdeep.collapse.crossing import beside_largest, cells
from bayesdeep.collapse.eligibility import is_sparse, loses_precision, why_not
from bayesdeep.collapse.linear_layout import can_be_sparse, layout_of
from bayesdeep.collapse.row_system import why_not_marginal, why_not_rows
from bayesdeep.core.linear import SECONDS_A_CUBE
from bayesdeep.core.registry import FAMILIES, TERMS
from bayesdeep.core.terms import Cost
from bayesdeep.spec.model_spec import ModelSpec

from .run import words_of

# Measured on one of two busy cores of 2026, in single precision: a multiplication and addition of a matrix product forth and
# back, an activation forth and back.
SECONDS_A_PRODUCT, SECONDS_A_UNIT = 1.2e-10, 1.7e-9
GRADIENTS_PER_DRAW, LONG_TREEDEPTH = 63, 7
"""Gradients of a draw of NUTS, the longest trajectory it has for networks; and the tree depth of one twice as long, taken where
half as many iterations are enough. At the same cost they gave half as many independent draws of the function again (one
input and 120 rows, two and 300, 16 units; four seeds); with fewer iterations they gained nothing (radon)."""
USUAL_CHAINS, MANY_CHAINS = 4, 6
"""Of NUTS, and for networks that are small enough: their chains stay near different modes, of which more are known then."""
TUNED, LEAST_TUNE, MOST_TUNE, LEAST_DRAWS, MOST_DRAWS = 0.7, 110, 500, 60, 500
"""Of a network's chain, which climbs before it is tuned: the share of tuning, and the fewest and most iterations of each kind.
Half as many again, in eight chains, predicted no better (Boston housing and concrete, 9 splits), and long chains did not either,
though they were still moving towards less noise (Boston, without climbing: sigma 1.5 after 160 iterations, 1.2 after 800), which
the diagnosis says."""
SHORT_RUN_TARGET_ACCEPT = 0.8
"""Acceptance aimed at where chains are as short as they may be: then coming down to the posterior matters more than its narrow
corners, and NUTS's own 0.9 for networks, with shorter steps, predicted worse (by 0.04 a row: Boston housing and concrete with
modelled noise, 3 splits, 3 seeds)."""
TARGET_SECONDS = 6.0
"""Seconds of a core that sampling a network is made to take where that buys more than the fewest iterations."""
EXTRA_CHAINS_SECONDS = 30.0
"""Seconds of a core that all chains may take, with the fewest iterations, for more chains than usual to be run."""
MAX_NUTS_SECONDS = 90.0
"""Seconds of a core that the fewest chains and iterations may take for NUTS to be chosen."""


SECONDS_A_ROW, USUAL = 2.5e-8, 2000
"""Of a core, for a gradient of a multilevel model of many rows (measured in 2026); iterations of a chain."""
LONGEST_STEP = 2.6
"""Steps of a trajectory over the fourth root of the number of effects: as many as NUTS needs for a standard normal."""
CHOLESKYS_PER_POSTERIOR = 1500
"""Factorisations of what is not eliminated group by group, for a posterior."""
GIBBS_SWEEPS, PRODUCTS_PER_SWEEP = 1200, 30
"""Sweeps of the Gibbs sampler, and Lanczos products of each: passes over the cells in which crossed factors meet."""
SECONDS_A_CELL = 1.4e-9
"""Of a core, for a cell, a chain and a pass (measured in 2026)."""
LAPLACE_FROM_SECONDS = 1800.0
"""Seconds of a core that NUTS would take from which a multilevel model is approximated."""


TRANSPORT_EVALUATIONS, TRANSPORT_SECONDS_A_ROW, TRANSPORT_SECONDS_AN_EFFECT = 11_600, 2e-8, 2e-8
"""Of the moving map for a chain; of a core, for a row and for an effect of a group in each of them. Measured in 2026 on 16
models: most take half to once what these say, those whose groups tell little, as one yes or no does, up to five times."""
DERIVED_ROWS, NUTS_COMPILING_SECONDS = 5.0, 10.0
"""How much dearer a row's likelihood is that the family has not written down (``Family.row_terms``); about what NUTS takes to be
ready for a model it has not met."""
MAX_TRANSPORT_REST, MAX_TRANSPORT_SECONDS = 150, 600.0
"""Coefficients that are factorised together, and seconds of a core, up to which the moving map is taken."""


CAREFUL = 0.95
"""Acceptance that NUTS aims at where the map was found not to fit: such posteriors are not nearly normal."""


@dataclass(frozen=True)
class Choice:
    """A method, why, and where they differ from the method's own, its counts of draws and chains and its other options.

    ``otherwise`` is what is done where the method finds that it does not fit the model.
    """

    method: str
    why: str
    settings: Mapping[str, int] = field(default_factory=dict)
    options: Mapping[str, float] = field(default_factory=dict)
    otherwise: "Choice | None" = None


def choose(
    spec: ModelSpec, rows: int, chains: int | None = None, arrays: Mapping[str, np.ndarray] | None = None
) -> Choice:
    """Return what ``auto`` does.

    Parameters
    ----------
    chains
        As the user wants; None: as many as are usual.
    arrays
        The rows', where they are in memory; they tell which factors are crossed.
    """
    words = words_of(spec)
    if "network" in words:
        return _network(spec, rows, chains)
    chains = chains or USUAL_CHAINS
    shape = "a multilevel model" if "hierarchical" in words else "a regression"
    imprecise = loses_precision(_squares(spec, rows, arrays))
    sparse = is_sparse(spec)
    reason = why_not(spec, sparse=sparse) or imprecise
    effects, seconds = _effects(spec), multilevel_seconds(spec, rows, chains)
    if reason is None:
        crossed = 0 if arrays is None else beside_largest(spec, arrays, sparse=sparse)
        dear = CHOLESKYS_PER_POSTERIOR * SECONDS_A_CUBE * float(crossed) ** 3
        passes = GIBBS_SWEEPS * PRODUCTS_PER_SWEEP * chains * SECONDS_A_CELL * cells(spec, rows)
        if dear > max(passes, MAX_NUTS_SECONDS):
            return Choice(
                "gibbs",
                f"gibbs: {shape} of {rows:,} rows with crossed factors, of which {crossed:,} coefficients would have to be "
                f"factorised together to integrate them out, about {_duration(dear)} of one core; drawn together by passes "
                f"over the cells in which the factors meet they take about {_duration(passes)}",
            )
        return Choice(
            "collapsed",
            f"collapsed: {shape} of {rows:,} rows with a normal response and normal coefficients, which are "
            "integrated out exactly; only scales and correlations are explored, and the coefficients drawn back",
        )
    nuts = Choice(
        "nuts",
        f"nuts: {shape} of {rows:,} rows whose parameters are all continuous; NUTS draws from the posterior "
        f"itself, and the coefficients cannot be integrated out: {reason}",
    )
    if arrays is not None and imprecise is None and why_not_rows(spec) is None:
        sparse = can_be_sparse(spec)
        beside = beside_largest(spec, arrays, sparse=sparse)
        own = transport_seconds(spec, rows, beside, chains, sparse=sparse)
        if beside <= MAX_TRANSPORT_REST and own < min(MAX_TRANSPORT_SECONDS, max(NUTS_COMPILING_SECONDS, seconds)):
            return Choice(
                "transport",
                f"transport: {shape} of {rows:,} rows whose coefficients are nearly normal given a few numbers; a map that moves "
                "with these follows them, and what it leaves over is sampled exactly",
                otherwise=replace(nuts, options={"target_accept": CAREFUL}),
            )
    if effects and seconds > LAPLACE_FROM_SECONDS and why_not_marginal(spec) is None:
        return Choice(
            "laplace_marginal",
            f"laplace_marginal: {shape} of {rows:,} rows and {effects:,} effects of groups would take NUTS about "
            f"{_duration(seconds)} of one core; Laplace's method integrates the effects out in a fraction of that. It is an "
            "approximation",
        )
    return nuts


def transport_seconds(spec: ModelSpec, rows: int, beside: int, chains: int, *, sparse: bool = False) -> float:
    """Return about how long the moving map takes on one core: ``beside`` coefficients are factorised together."""
    layouts = [layout_of(spec, k, sparse=sparse) for k in range(len(spec.predictors))]
    effects = sum(levels * width for layout in layouts for _, levels, width in layout.factors)
    family = FAMILIES[spec.family]
    known = family.row_terms is not None and (len(layouts) == 1 or family.parameter_terms is not None)
    written = known and not set(spec.response.modifiers) - {"weighted", "prop"} - family.written_for
    a_row = (family.row_seconds or TRANSPORT_SECONDS_A_ROW) * len(layouts) * (1.0 if written else DERIVED_ROWS)
    each = rows * a_row + effects * TRANSPORT_SECONDS_AN_EFFECT + SECONDS_A_CUBE * float(beside) ** 3
    return chains * TRANSPORT_EVALUATIONS * each


def multilevel_seconds(spec: ModelSpec, rows: int, chains: int) -> float:
    """Return about how long NUTS takes on one core for a model of many rows whose coefficients are not integrated out."""
    effects, a_row = _effects(spec), FAMILIES[spec.family].row_seconds or SECONDS_A_ROW
    steps = 2 ** np.ceil(np.log2(1 + LONGEST_STEP * effects**0.25)) - 1
    return float(chains * USUAL * steps * (rows * a_row + 2e-8 * effects))


def _squares(spec: ModelSpec, rows: int, arrays: Mapping[str, np.ndarray] | None) -> float:
    """Return about the sum of squares of the response over its known standard errors; 0 where they are not known here."""
    given = spec.known.get("sigma")
    if given is None:
        return 0.0
    if isinstance(given.value, str):
        sigma = None if arrays is None else arrays.get("sigma")
        weight = 0.0 if sigma is None else float(np.mean(1.0 / np.square(sigma)))
    else:
        weight = 1.0 / float(given.value) ** 2
    return rows * spec.response.spread**2 * weight


def _effects(spec: ModelSpec) -> int:
    """Return about how many effects of groups there are: the levels of each term's largest factor."""
    terms = [t for p in spec.predictors for t in p.terms]
    found = [max(map(len, TERMS[t.kind].groups(t.state).values()), default=0) for t in terms]
    return sum(found)


def cost_of(spec: ModelSpec) -> Cost:
    """Return what all networks of a model take together."""
    found = [cost(t.state) for p in spec.predictors for t in p.terms if (cost := TERMS[t.kind].cost) is not None]
    found += dict(pair for one in found for pair in one.shared).values()
    return Cost(*(sum(getattr(c, name) for c in found) for name in ("products", "units", "weights")))


def gradient_seconds(cost: Cost, rows: int) -> float:
    """Return about how long a gradient of the log density takes on one core."""
    return rows * (SECONDS_A_PRODUCT * cost.products + SECONDS_A_UNIT * cost.units) + 2e-8 * cost.weights + 2e-5


def _network(spec: ModelSpec, rows: int, given: int | None) -> Choice:
    cost = cost_of(spec)
    draw = GRADIENTS_PER_DRAW * gradient_seconds(cost, rows)
    shape = f"a network of {cost.weights:,} weights on {rows:,} rows"
    fewest = (LEAST_TUNE + LEAST_DRAWS) * draw
    chains = given or int(np.clip(EXTRA_CHAINS_SECONDS / fewest, USUAL_CHAINS, MANY_CHAINS))
    least = chains * fewest
    if least <= MAX_NUTS_SECONDS:
        iterations, options = TARGET_SECONDS / (chains * draw), {}
        if iterations >= 2 * (LEAST_TUNE + LEAST_DRAWS):
            iterations, draw, options = iterations / 2, 2 * draw, {"max_treedepth": LONG_TREEDEPTH}
        tune = int(np.clip(TUNED * iterations, LEAST_TUNE, MOST_TUNE))
        draws = int(np.clip(iterations - tune, LEAST_DRAWS, MOST_DRAWS))
        seconds = chains * (tune + draws) * draw
        return Choice(
            "nuts",
            f"nuts: {shape} is small enough to sample all of its weights: about {_duration(seconds)} of one core for "
            f"{chains} chains of {tune} + {draws} draws, beside compiling where this structure is new",
            {"draws": draws, "tune": tune, "chains": chains},
            options if tune > LEAST_TUNE else {"target_accept": SHORT_RUN_TARGET_ACCEPT},
        )
    return Choice(
        "ensemble",
        f"ensemble: {shape} would take NUTS about {_duration(least)} of one core; an ensemble of networks, each "
        "trained from its own start, is the best approximation in a fraction of that. It is no posterior",
    )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"

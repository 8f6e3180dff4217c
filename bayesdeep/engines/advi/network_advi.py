r"""Mean-field variational inference of networks by mini-batches.

Independent normals of means :math:`m` and sds :math:`s` on the unconstrained scale climb

.. math:: \mathrm{E}\Bigl[\log p(x) + \tfrac{N}{B} \sum_{i \in \text{batch}} \log p(y_i \mid x)\Bigr] + \sum_k \log s_k,
    \qquad x = m + s \circ \varepsilon,

whose gradient is unbiased for that of the evidence lower bound. A step has several draws of :math:`x`, each with rows of its own,
so that the noise of the weights is independent between rows' shares of a step: what local reparametrisation does for each row
and layer, at the price of a plain mini-batch and for any model.

It is the fastest posterior-like answer for networks and the weakest: it knows one mode, and no correlation between weights.

References
----------
Kucukelbir, Tran, Ranganath, Gelman and Blei (2017), Journal of Machine Learning Research 18(14). Kingma, Salimans and Welling
(2015), Variational dropout and the local reparameterization trick, arXiv:1506.02557.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core.batches import BatchTarget
from bayesdeep.core.draws import Draws, Engine, Progress
from bayesdeep.core.errors import FitError

from .._training.train_compiled import compiled
from .._training.train_program import cast, precision

AT_ONCE = 250
"""Steps between two reports of progress."""
FIRST_SD = 0.05
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""Adam's memories of the gradient and of its square, and what keeps its division sound."""
LAST = 0.02
"""Share of the learning rate that is left in the end."""
TAKEN = 500
"""Last steps whose mean is the bound that is told."""


@dataclass(frozen=True)
class NetworkAdviSettings:
    """Options of mean-field variational inference of networks.

    Attributes
    ----------
    draws, chains
        Draws taken from the approximation, shaped as so many chains.
    steps
        Of the optimiser.
    batch_size
        Rows of each draw of a step; all rows where there are no more.
    gradients
        Draws a step, each with rows of its own.
    learning_rate
        Largest step of Adam, in units of the unconstrained scale; it goes down along a cosine.
    precision
        ``"float32"`` or ``"float64"``.
    """

    draws: int = 250
    chains: int = 4
    steps: int = 6_000
    batch_size: int = 512
    gradients: int = 2
    learning_rate: float = 0.02
    precision: str = "float32"

    def __post_init__(self) -> None:
        for name in ("draws", "chains", "steps", "batch_size", "gradients"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise FitError(f"advi: {name} is {value!r}; give a whole number, 1 or more")
        if not self.learning_rate > 0:
            raise FitError(f"advi: learning_rate is {self.learning_rate!r}; give a number above 0")
        if self.precision not in ("float32", "float64"):
            raise FitError(f"advi: precision must be 'float32' or 'float64', not {self.precision!r}")


def run(settings: NetworkAdviSettings, target: BatchTarget, seed: int, progress: Progress) -> Draws:
    """Approximate; see :class:`bayesdeep.core.draws.Engine`."""
    began, rng = time.perf_counter(), np.random.default_rng(seed)
    with precision(settings.precision):
        return _run(settings, target, rng, progress, began)


def _run(
    settings: NetworkAdviSettings, target: BatchTarget, rng: np.random.Generator, progress: Progress, began: float
) -> Draws:
    import jax

    kind, size = settings.precision, min(settings.batch_size, target.rows)
    zeros = np.zeros(2 * target.dim, dtype=kind)
    start = np.concatenate([target.initial(rng), np.full(target.dim, np.log(FIRST_SD))]).astype(kind)
    state = (start, zeros, zeros)
    arrays = jax.device_put(cast(target.arrays, kind))
    made, values, interrupted = 0, np.zeros(0), False
    todo = _todo(settings, target.rows, size, 0, rng)
    climb = compiled(jax.jit(_climb(target, size)).lower(state, todo, arrays), state, todo, arrays)
    ready = time.perf_counter()
    try:
        while made < settings.steps:
            state, bounds = climb(state, todo, arrays)
            values = np.append(values, np.asarray(bounds, dtype=np.float64)[: settings.steps - made])
            if not np.isfinite(values[-1]) or not np.isfinite(np.asarray(state[0])).all():
                raise FitError(
                    f"advi: the evidence lower bound is no number after {len(values):,} steps; lower learning_rate "
                    f"({settings.learning_rate:g}), or use narrower priors"
                )
            made += AT_ONCE
            progress.update(min(made, settings.steps), settings.steps, f"evidence lower bound {values[-TAKEN:].mean():.4g}")
            todo = _todo(settings, target.rows, size, made, rng)
    except KeyboardInterrupt:
        if not values.size:
            raise
        interrupted = True
    mean, log_sd = np.split(np.asarray(state[0], dtype=np.float64), 2)
    noise = rng.standard_normal((settings.chains, settings.draws, target.dim))
    return Draws(
        positions=mean + np.exp(log_sd) * noise,
        stats={},
        exact=False,
        status="interrupted" if interrupted else "ok",
        advice=(f"advi: interrupted after {len(values):,} of {settings.steps:,} steps.",) if interrupted else (),
        seconds_compile=target.seconds_compile + ready - began,
        seconds_sample=time.perf_counter() - ready,
        details={
            "elbo": float(values[-TAKEN:].mean()) + 0.5 * target.dim * (1 + np.log(2 * np.pi)),
            "steps": float(len(values)),
            "batch_size": float(size),
        },
    )


def _todo(settings: NetworkAdviSettings, rows: int, size: int, made: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return for the next steps the rows ``(step, draw, place)``, the step sizes, their numbers and keys."""
    number = made + np.arange(AT_ONCE)
    shape = (AT_ONCE, settings.gradients, size)
    if size == rows:
        chosen = np.broadcast_to(np.arange(rows, dtype=np.int32), shape)
    else:
        # Without repetition within a draw.
        first = rng.integers(0, rows, size=shape[:2])
        order = rng.permutation(rows).astype(np.int32)
        chosen = order[(first[..., None] + np.arange(size)) % rows]
    share = np.minimum(number / settings.steps, 1.0)
    rate = settings.learning_rate * (LAST + (1 - LAST) * 0.5 * (1 + np.cos(np.pi * share)))
    keys = rng.integers(0, 2**32, size=(AT_ONCE, 2), dtype=np.uint32)
    return chosen, rate.astype(settings.precision), (number + 1).astype(settings.precision), keys


def bound_function(target: BatchTarget, size: int) -> Callable[..., Any]:
    """Return ``f(parameters, noise, batches) -> value``: the bound, without a constant, that some rows and draws estimate.

    ``parameters`` are means and log sds ``(2 dim,)``, ``noise`` ``(draw, dim)``, ``batches`` arrays ``(draw, size, …)``.
    """
    import jax
    import jax.numpy as jnp

    rows, times = target.rows_function(size), target.rows / size

    def bound(parameters: Any, noise: Any, batches: Any) -> Any:
        mean, log_sd = parameters[: target.dim], parameters[target.dim :]

        def one(z: Any, batch: Any) -> Any:
            x = mean + jnp.exp(log_sd) * z
            return target.prior(x) + times * rows(x, batch).sum()

        return jax.vmap(one)(noise, batches).mean() + log_sd.sum()

    return bound


def _climb(target: BatchTarget, size: int) -> Callable[..., Any]:
    """Return ``run(state, todo, arrays) -> (state, bounds)``: some steps of Adam."""
    import jax
    import jax.numpy as jnp

    bound = bound_function(target, size)

    def step(arrays: Any, state: Any, now: Any) -> Any:
        parameters, first, second = state
        rows, rate, number, key = now
        own = jax.random.wrap_key_data(key, impl="threefry2x32")
        noise = jax.random.normal(own, (rows.shape[0], target.dim), parameters.dtype)
        value, slope = jax.value_and_grad(bound)(parameters, noise, tuple(a[rows] for a in arrays))
        slope = jnp.nan_to_num(slope, nan=0.0, posinf=0.0, neginf=0.0)
        first = BETA1 * first + (1 - BETA1) * slope
        second = BETA2 * second + (1 - BETA2) * slope**2
        change = (first / (1 - BETA1**number)) / (jnp.sqrt(second / (1 - BETA2**number)) + EPSILON)
        return (parameters + rate * change, first, second), value

    def climb(state: Any, todo: Any, arrays: Any) -> Any:
        return jax.lax.scan(lambda s, now: step(arrays, s, now), state, todo)

    return climb


NETWORK = Engine(
    "advi",
    "mean-field variational approximation by mini-batches",
    exact=False,
    settings=NetworkAdviSettings,
    run=run,
    needs=frozenset({"batches"}),
)

"""What JAX computes for the operations of this package, and for PyTensor's checks.

PyTensor turns a graph into a JAX function operation by operation. Its own operations it knows; ours are here. The gradient
is JAX's, so transposes (``Scatter``, the slopes of log likelihoods) are not needed, only that derivatives are as well
behaved as ours.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from .gather import operation as gather_operation
from .glm_likelihood import HIGHEST, LARGEST, LOWEST, log_likelihood
from .layer import operation as layer_operation
from .matvec import matrix_vector
from .product import operation as product_operation


@cache
def funcify() -> Any:
    """Return PyTensor's ``jax_funcify``, which knows this package's operations; JAX is set as it was.

    When it is imported it sets ``jax_enable_x64`` for the whole process, which is the user's to decide. What is traced and run
    here says its own precision.
    """
    import jax

    # A thread of its own sees the setting of the process, whatever this one has for the moment.
    with ThreadPoolExecutor(1) as pool:
        before = pool.submit(lambda: jax.config.jax_enable_x64).result()
    try:
        from pytensor.link.jax.dispatch import jax_funcify
    finally:
        jax.config.update("jax_enable_x64", before)
    _register(jax_funcify)
    return jax_funcify


def _register(jax_funcify: Any) -> None:
    """Tell PyTensor about the operations."""
    from pymc.logprob.utils import CheckParameterValue
    from pytensor.raise_op import Assert

    # PyMC registers the same two for its JAX samplers, in a module that also rewrites XLA_FLAGS when it is imported.
    for check in (Assert, CheckParameterValue):
        jax_funcify.register(check)(lambda op, **_: lambda value, *conditions: value)
    jax_funcify.register(type(matrix_vector()))(_matrix_vector)
    jax_funcify.register(gather_operation())(_gather)
    jax_funcify.register(type(log_likelihood("bernoulli")))(_log_likelihood)
    jax_funcify.register(layer_operation())(_layer)
    jax_funcify.register(product_operation())(_product)


def _matrix_vector(op: Any, **options: Any) -> Any:
    del options
    return (lambda matrix, vector: vector @ matrix) if op.transposed else (lambda matrix, vector: matrix @ vector)


def _product(op: Any, **options: Any) -> Any:
    del options
    return lambda a, b: (a.T if op.turn_a else a) @ (b.T if op.turn_b else b)


def _gather(op: Any, **options: Any) -> Any:
    del options
    first = int(op.intercept)

    def gather(table: Any, codes: Any, columns: Any) -> Any:
        found: Any = 0.0
        for k in range(op.width):
            part = table[:, k][codes]
            found = found + (part if k < first else part * columns[:, k - first])
        return found

    return gather


def _layer(op: Any, **options: Any) -> Any:
    del options
    import jax

    activation = {"tanh": jax.numpy.tanh, "logit": jax.nn.sigmoid, "relu": jax.nn.relu}[op.kind]
    return lambda units, weights, bias: activation(units @ weights + bias)


def _log_likelihood(op: Any, **options: Any) -> Any:
    del options
    rows = _rows(op.kind)

    def log_likelihood(eta: Any, y: Any, *rest: Any) -> tuple[Any, Any]:
        value = rows(eta, y, *rest)
        return (value.sum() if op.summed else value), _slope(op.kind, eta, y, *rest)

    return log_likelihood


@cache
def _rows(kind: str) -> Any:
    """Return the function of :func:`~bayesdeep.ops.glm_likelihood.by_numpy`; its derivative is the slope there."""
    import jax

    @jax.custom_jvp
    def rows(*inputs: Any) -> Any:
        return _value(kind, *inputs)

    @rows.defjvp
    def derivative(inputs: Any, tangents: Any) -> Any:
        return rows(*inputs), _slope(kind, *inputs) * tangents[0]

    return rows


def _value(kind: str, eta: Any, y: Any, *rest: Any) -> Any:
    import jax.numpy as jnp

    y = y.astype(eta.dtype)
    if kind == "poisson":
        held = jnp.clip(eta, LOWEST, HIGHEST)
        return y * held - jnp.exp(held) + rest[0]
    trials, base = (1.0, 0.0) if kind == "bernoulli" else (rest[0].astype(eta.dtype), rest[1])
    largest = min(LARGEST, float(jnp.finfo(eta.dtype).max))
    above, below = jnp.clip(eta, 0.0, largest), jnp.clip(-eta, 0.0, largest)
    return base - (y * below + (trials - y) * above + trials * jnp.log1p(jnp.exp(-jnp.abs(eta))))


def _slope(kind: str, eta: Any, y: Any, *rest: Any) -> Any:
    import jax.numpy as jnp

    y = y.astype(eta.dtype)
    if kind == "poisson":
        inside = (eta >= LOWEST) & (eta <= HIGHEST)
        return jnp.where(inside, y - jnp.exp(jnp.clip(eta, LOWEST, HIGHEST)), 0.0)
    trials = 1.0 if kind == "bernoulli" else rest[0].astype(eta.dtype)
    small = jnp.exp(-jnp.abs(eta))
    larger, smaller = 1.0 / (1.0 + small), small / (1.0 + small)
    up = eta >= 0
    return y * jnp.where(up, smaller, larger) - (trials - y) * jnp.where(up, larger, smaller)

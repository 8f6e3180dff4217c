"""``python -m benchmarks.training``: training of networks against a hand-written loop of the same arithmetic, in one process.

The other side is what a user of JAX and optax would write: parameters in a dictionary, a forward pass, a normal log likelihood,
normal priors, Adam, ``lax.scan`` over the batches of an epoch and over some epochs. Both sides see the same rows in the same
batches, and both judge the same held-out rows once an epoch. Times are of the processor, after compilation, the least of several
repeats taken in turns; the machine may be busy, so that a ratio is worth more than a time.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

ROWS, INPUTS, UNITS, NOISE = 455, 13, 50, 0.5
REPEATS = 40
HEAD = f"{ROWS} rows, {INPUTS} inputs, {UNITS} units"


def frame() -> dict[str, np.ndarray]:
    """Return rows of a smooth function of standardised inputs."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(ROWS, INPUTS))
    y = np.tanh(x[:, :3].sum(axis=1)) + x[:, 3] * x[:, 4] + NOISE * rng.normal(size=ROWS)
    return {**{f"x{k}": x[:, k] for k in range(INPUTS)}, "y": y}


def target(data: dict[str, np.ndarray]) -> Any:
    """Return the model as the training engines see it, and its JAX log density."""
    import bayesdeep as bd
    from bayesdeep.graph.jax_target import jax_target
    from bayesdeep.inference.batch_target import batches_of
    from bayesdeep.inference.run import words_of

    inputs = ", ".join(f"x{k}" for k in range(INPUTS))
    model = bd.Model(f"y ~ net({inputs}, hidden=[{UNITS}], orthogonal=False)", data)
    words = words_of(model.spec)
    graph, batches = batches_of(model.spec, model.__dict__["_rows"], "sgd", words)
    return batches, jax_target(graph.model, words)


def by_hand(data: dict[str, np.ndarray], scales: dict[str, Any], kind: str) -> tuple[Any, Callable[..., Any], Callable[..., Any]]:
    """Return parameters, and ``rows(p, x, y)`` and ``prior(p)``: the same function of the same inputs by hand."""
    import jax.numpy as jnp

    x = np.stack([data[f"x{k}"] for k in range(INPUTS)], axis=1)
    arrays = (((x - x.mean(axis=0)) / x.std(axis=0)).astype(kind), data["y"].astype(kind))

    def rows(p: dict[str, Any], x: Any, y: Any) -> Any:
        w1 = scales["layer"] / np.sqrt(INPUTS) * scales["inputs"][:, None] * p["w1"]
        h = jnp.tanh(x @ w1 + 0.5 * scales["layer"] * p["b1"])
        mu = p["intercept"] + h @ (scales["out"] / np.sqrt(UNITS) * p["w2"])
        return -0.5 * ((y - mu) / jnp.exp(p["s"])) ** 2 - p["s"] - 0.5 * np.log(2 * np.pi)

    def prior(p: dict[str, Any]) -> Any:
        return -0.5 * ((p["w1"] ** 2).sum() + (p["b1"] ** 2).sum() + (p["w2"] ** 2).sum() + p["intercept"] ** 2 / 6.0)

    return arrays, rows, prior


def least(functions: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Return the least processor seconds of each function, called in turns."""
    best = dict.fromkeys(functions, np.inf)
    for _ in range(REPEATS):
        for name, function in functions.items():
            began = time.process_time()
            function()
            best[name] = min(best[name], time.process_time() - began)
    return best


def gradients(batches: Any, density: Any, data: dict[str, np.ndarray], scales: dict[str, Any]) -> dict[str, float]:
    """Return microseconds of a gradient of the log density over all rows, ours and by hand, in double precision."""
    import jax

    calls = 200
    with jax.enable_x64(True):
        arrays, rows, prior = by_hand(data, scales, "float64")
        p = first_parameters("float64", 1)
        given = jax.device_put((arrays, density.data, jax.tree.map(lambda a: a[0], p), batches.start))
        hand = jax.jit(jax.value_and_grad(lambda p, x, y: rows(p, x, y).sum() + prior(p)))
        ours = jax.jit(jax.value_and_grad(lambda x, *d: density.density(x, *d)))

        def repeat(function: Any, first: Any, rest: Any) -> Callable[[], Any]:
            def call() -> None:
                for _ in range(calls):
                    jax.block_until_ready(function(first, *rest))

            call()
            return call

        found = least({"hand": repeat(hand, given[2], given[0]), "ours": repeat(ours, given[3], given[1])})
    return {name: seconds / calls * 1e6 for name, seconds in found.items()}


def first_parameters(kind: str, members: int) -> dict[str, np.ndarray]:
    """Return starting parameters, first axis the member."""
    rng = np.random.default_rng(0)
    shapes = {"w1": (INPUTS, UNITS), "b1": (UNITS,), "w2": (UNITS,), "intercept": (), "s": ()}
    return {name: rng.normal(size=(members, *shape)).astype(kind) for name, shape in shapes.items()}


def training(batches: Any, data: dict[str, np.ndarray], scales: dict[str, Any], members: int) -> dict[str, float]:
    """Return microseconds of a step of one member, ours and by hand; see the module."""
    import jax
    import optax

    from bayesdeep.engines._training.train_coordinates import coordinates, first
    from bayesdeep.engines._training.train_loop import Planner
    from bayesdeep.engines._training.train_program import first_carry, precision, program, program_inputs
    from bayesdeep.engines._training.train_settings import SgdSettings, recipe
    from bayesdeep.engines._training.train_split import slots, split

    chosen = replace(recipe(SgdSettings(), ROWS), patience=10**6)
    where = coordinates(batches, True)
    parts = split(ROWS, 0.1, max(members, 2), np.random.default_rng(0))
    parts = replace(parts, training=parts.training[:members], held_out=parts.held_out[:members], wanted=tuple(range(members)))
    places = slots(parts.training, chosen.batch_size)
    streams = [np.random.default_rng(k) for k in range(members)]
    planner = Planner(chosen, parts, places, streams)
    w, v = where.split(first(batches, "prior", streams), batches.start)
    size = float(len(parts.training[0]))
    with precision(chosen.precision):
        numbers = jax.device_put(program_inputs(batches, chosen, where, parts, places, np.arange(ROWS)))
        carry, todo = first_carry(chosen, w, v), planner.plan(0)
        ours = jax.jit(program(batches, chosen, where, parts, places))
        arrays, rows, prior = by_hand(data, scales, chosen.precision)
        adam = optax.adam(chosen.learning_rate)

        def epoch(p: Any, state: Any, order: Any, filled: Any, held: Any, x: Any, y: Any) -> Any:
            def step(carry: Any, now: Any) -> Any:
                p, state = carry
                order, filled = now

                def loss(p: Any) -> Any:
                    return -(places.batches * (filled * rows(p, x[order], y[order])).sum() + prior(p)) / size

                value, slope = jax.value_and_grad(loss)(p)
                change, state = adam.update(slope, state, p)
                return (optax.apply_updates(p, change), state), value

            (p, state), losses = jax.lax.scan(step, (p, state), (order, filled))
            return p, state, losses.mean(), rows(p, x[held], y[held]).mean()

        def epochs(p: Any, state: Any, order: Any, filled: Any, held: Any, x: Any, y: Any) -> Any:
            every = jax.vmap(epoch, (0, 0, 0, 0, 0, None, None))

            def one(carry: Any, order: Any) -> Any:
                p, state, *said = every(*carry, order, filled, held, x, y)
                return (p, state), said

            return jax.lax.scan(one, (p, state), order)

        p = first_parameters(chosen.precision, members)
        state = jax.vmap(adam.init)(p)
        held = np.stack(parts.held_out).astype(np.int32)
        filled, hand, fixed = numbers.filled, jax.jit(epochs), jax.device_put((held, *arrays))

        def call_hand() -> None:
            jax.block_until_ready(hand(p, state, planner.plan(0).rows, filled, *fixed))

        def call_ours() -> None:
            jax.block_until_ready(ours(carry, planner.plan(0), numbers))

        call_hand()
        call_ours()
        found = least({"hand": call_hand, "ours": call_ours})
    del todo
    return {name: seconds / (planner.length * places.batches * members) * 1e6 for name, seconds in found.items()}


def main() -> None:
    """Measure and print a table."""
    data = frame()
    batches, density = target(data)
    scales = {"layer": 2.0, "inputs": np.ones(INPUTS), "out": 2.5 * float(np.std(data["y"]))}
    print(f"{HEAD}; microseconds of the processor, the least of {REPEATS}\n")
    print(f"{'':32}{'by hand':>10}{'bayesdeep':>12}{'ratio':>8}")
    found = {"gradient over all rows, float64": gradients(batches, density, data, scales)}
    for members in (1, 8):
        found[f"step of a member, {members} together"] = training(batches, data, scales, members)
    for name, seconds in found.items():
        print(f"{name:32}{seconds['hand']:10.1f}{seconds['ours']:12.1f}{seconds['ours'] / seconds['hand']:8.2f}", flush=True)


if __name__ == "__main__":
    main()

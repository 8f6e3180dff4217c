"""NUTS by JAX on this machine's device: microseconds a gradient, seconds, effective draws, by chains and precision.

    python -m benchmarks._device                                  # on a GPU: minutes to an hour
    python -m benchmarks._device --rows 2000 --chains 2 --draws 20 --tune 30 --precision float64

Two models: radon with varying intercepts and slopes, and a simulated logistic one. Chains are one batch on a GPU, one thread
each on a CPU. ``float32`` is measured only here: ``fit`` computes in float64.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ._simulate import priors, varying_slope

COLUMNS = (
    "model",
    "rows",
    "dim",
    "device",
    "precision",
    "chains",
    "us a gradient a chain",
    "compile s",
    "tune s",
    "sample s",
    "min bulk ESS",
    "max R-hat",
    "ESS a second",
    "divergences",
)
REPEATS, LENGTH = 3, 20


def models(rows: int, groups: int) -> dict[str, Any]:
    """Return the models by name."""
    import bayesdeep as bd

    radon = bd.load_dataset("radon")
    return {
        "radon": bd.Model("log_radon ~ floor + log_uranium + (1 + floor | county)", radon),
        "logistic": bd.Model(
            "y ~ x + (1 + x | g)",
            varying_slope(rows, groups, "bernoulli"),
            family="bernoulli",
            priors=priors("bernoulli"),
        ),
    }


def target_of(model: Any, precision: str) -> Any:
    """Return the density that ``fit(device="gpu")`` samples from, in a precision."""
    from bayesdeep.graph.jax_target import jax_target
    from bayesdeep.graph.precondition import mixings
    from bayesdeep.inference.run import words_of

    spec, rows = model.spec, model.__dict__["_rows"]
    graph = rows.graph(spec, sampled=True)
    turned = mixings(spec, rows.arrays, graph.pilot)
    return jax_target(graph.model, words_of(spec), mixings=turned, precision=precision)


def seconds_a_gradient(target: Any, chains: int) -> float:
    """Return seconds of a gradient of all chains at once, divided by their number; the best of several repeats."""
    import jax
    import jax.numpy as jnp

    gradient = jax.vmap(jax.grad(target.density), in_axes=(0, *(None for _ in target.data)))

    def several(x: Any, *data: Any) -> Any:
        # Each one starts where the one before led, so that none can be left out.
        def step(x: Any, unused: Any) -> Any:
            return x + 1e-9 * gradient(x, *data), unused

        return jax.lax.scan(step, x, None, length=LENGTH)[0]

    with target.tracing():
        x = jnp.asarray(np.tile(target.start, (chains, 1)), target.precision)
        run = jax.jit(several).lower(x, *target.data).compile()
    found = []
    with target.computing():
        for _ in range(REPEATS):
            began = time.perf_counter()
            run(x, *target.data).block_until_ready()
            found.append(time.perf_counter() - began)
    return min(found) / LENGTH / chains


def measured(name: str, model: Any, target: Any, chains: int, draws: int, tune: int) -> dict[str, Any]:
    """Return one row of the table; what does not fit into the device's memory says so."""
    from bayesdeep.display.progress import Silent
    from bayesdeep.engines.nuts import NutsSettings, run
    from bayesdeep.numerics.mcmc import ess_bulk, rhat

    row: dict[str, Any] = {"model": name, "rows": model.rows, "dim": target.dim}
    row |= {"precision": target.precision, "chains": chains}
    try:
        row["us a gradient a chain"] = 1e6 * seconds_a_gradient(target, chains)
        found = run(NutsSettings(draws=draws, tune=tune, chains=chains), target, 1, Silent())
    except RuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        return row | {"sample s": "out of memory"}
    sizes = ess_bulk(found.positions)
    return row | {
        "device": found.details["device"],
        "compile s": found.seconds_compile,
        "tune s": found.seconds_tune,
        "sample s": found.seconds_sample,
        "min bulk ESS": float(sizes.min()),
        "max R-hat": float(rhat(found.positions).max()),
        "ESS a second": float(sizes.min()) / (found.seconds_tune + found.seconds_sample),
        "divergences": found.details["divergences"],
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return a Markdown table."""

    def cell(value: Any) -> str:
        return f"{value:.4g}" if isinstance(value, float) else f"{value}"

    lines = [COLUMNS, tuple("---" for _ in COLUMNS), *(tuple(cell(r.get(c, "")) for c in COLUMNS) for r in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Measure, print and write the table after each row, so that a broken run leaves what it had."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks._device", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the logistic model")
    parser.add_argument("--groups", type=int, help="its groups; a hundredth of its rows without it")
    parser.add_argument("--chains", type=int, nargs="+", default=[4, 64, 512])
    parser.add_argument("--precision", nargs="+", choices=["float64", "float32"], default=["float64", "float32"])
    parser.add_argument("--models", nargs="+", choices=["radon", "logistic"], default=["radon", "logistic"])
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--tune", type=int, default=500)
    parser.add_argument("--output", type=Path, help="a Markdown file; without it the table is only printed")
    given = parser.parse_args(arguments)
    found: list[dict[str, Any]] = []
    for name, model in models(given.rows, given.groups or max(2, given.rows // 100)).items():
        for precision in given.precision if name in given.models else ():
            target = target_of(model, precision)
            for chains in given.chains:
                found.append(measured(name, model, target, chains, given.draws, given.tune))
                print(found[-1], file=sys.stderr, flush=True)
                if given.output is not None:
                    given.output.write_text(table(found), encoding="utf-8")
    print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A NumPyro model written by hand: the same parametrisation, float64, one host device a chain."""

import os
import time
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._cards import prior
from benchmarks._protocol import Answer, Clock, Job, load_modules, work
from benchmarks.peers import _handwritten

CHAINS = 4
COMPILING: list[float] = []


def load() -> None:
    """Import everything that fitting needs; the number of devices is fixed when JAX starts."""
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={CHAINS}"
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax
    import numpyro

    load_modules("numpyro.distributions", "numpyro.infer")

    numpyro.enable_x64()
    jax.devices()

    def listen(event: str, seconds: float, **_: Any) -> None:
        if event.startswith("/jax/core/compile/"):
            COMPILING.append(seconds)

    jax.monitoring.register_event_duration_secs_listener(listen)


def distribution(text: str) -> Any:
    """Return a card's prior as a NumPyro distribution."""
    return made(*prior(text))


def made(name: str, arguments: Mapping[str, Any]) -> Any:
    """Return a distribution from PyMC's name and arguments."""
    import numpyro.distributions as dist

    if name == "Normal":
        return dist.Normal(arguments["mu"], arguments["sigma"])
    if name == "HalfNormal":
        return dist.HalfNormal(arguments["sigma"])
    if name == "HalfStudentT":
        return dist.FoldedDistribution(dist.StudentT(arguments["nu"], 0.0, arguments["sigma"]))
    if name == "InverseGamma":
        return dist.InverseGamma(arguments["alpha"], arguments["beta"])
    raise ValueError(f"card: prior '{name}' has no NumPyro counterpart here")


def model(card: Mapping[str, Any], design: Mapping[str, np.ndarray]) -> Any:
    """Return the NumPyro model, a function without arguments."""
    import jax.numpy as jnp
    import numpyro
    import numpyro.distributions as dist

    intercept, means, sds = _handwritten.population_priors(card, design)
    groups = _handwritten.blocks(card, design)
    centre = design["X"].mean(axis=0)
    X, y = jnp.asarray(design["X"] - centre), jnp.asarray(design["y"])

    def program() -> None:
        eta = numpyro.sample("Intercept_centred", made("Normal", intercept))
        if X.shape[1]:
            beta = numpyro.sample("beta", dist.Normal(means, sds).to_event(1))
            numpyro.deterministic("Intercept", eta - centre @ beta)
            eta = eta + X @ beta
        else:
            numpyro.deterministic("Intercept", eta)
        for k, block in enumerate(groups):
            eta = eta + group(k, block)
        likelihood(eta)

    def group(k: int, block: Any) -> Any:
        size = len(block.names)
        sd = numpyro.sample(f"sd_{k}", made(*_handwritten.shared_sd(block)).to_event(1))
        z = numpyro.sample(f"z_{k}", dist.Normal(0, 1).expand([len(block.levels), size]).to_event(2))
        if block.eta is None:
            u = z * sd
        else:
            factor = numpyro.sample(f"chol_{k}", dist.LKJCholesky(size, block.eta))
            numpyro.deterministic(f"corr_{k}", factor @ factor.T)
            u = z @ (sd[:, None] * factor).T
        u = numpyro.deterministic(f"u_{k}", u)
        return (u[block.codes] * block.Z).sum(axis=1)

    def likelihood(eta: Any) -> None:
        family = card["family"]
        if family == "gaussian":
            numpyro.sample("y", dist.Normal(eta, numpyro.sample("sigma", distribution(card["priors"]["sigma"]))), obs=y)
        elif family == "bernoulli":
            numpyro.sample("y", dist.Bernoulli(logits=eta), obs=y)
        elif family == "binomial":
            numpyro.sample("y", dist.Binomial(design["trials"], logits=eta), obs=y)
        elif family == "poisson":
            numpyro.sample("y", dist.Poisson(jnp.exp(eta)), obs=y)
        else:
            alpha = numpyro.sample("alpha", distribution(card["priors"]["alpha"]))
            numpyro.sample("y", dist.NegativeBinomial2(jnp.exp(eta), alpha), obs=y)

    return program


def fit(job: Job, frame: Any, design: Mapping[str, Any], clock: Clock) -> Any:
    """Fit from arrays to the printed summary."""
    del frame
    import jax
    from numpyro.infer import MCMC, NUTS

    card = job.card
    with clock("build"):
        program = model(card, design)
        mcmc = MCMC(
            NUTS(program),
            num_warmup=card["tune"],
            num_samples=card["draws"],
            num_chains=card["chains"],
            chain_method="parallel",
            progress_bar=False,
        )
    COMPILING.clear()
    began = time.perf_counter()
    mcmc.run(jax.random.key(job.seed), extra_fields=("diverging", "num_steps"))
    jax.block_until_ready(mcmc.get_samples())
    elapsed = time.perf_counter() - began
    compiling = min(sum(COMPILING), elapsed)
    clock.set(compile=compiling, sampling=elapsed - compiling)
    # NumPyro's own table: ArviZ's costs five seconds of tracing more.
    with clock("summary"), Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        mcmc.print_summary(exclude_deterministic=False)
    return mcmc, design


def answer(result: Any, card: Mapping[str, Any]) -> Answer:
    """Return the draws by common name."""
    mcmc, design = result
    draws = {name: np.asarray(value) for name, value in mcmc.get_samples(group_by_chain=True).items()}
    diverging = int(np.asarray(mcmc.get_extra_fields()["diverging"]).sum())
    return Answer(_handwritten.scalars(card, design, draws), details={"divergences": diverging})


if __name__ == "__main__":
    work(load, fit, answer)

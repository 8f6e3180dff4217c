"""A card as a PyMC model written by hand: non-centred group effects, an LKJ Cholesky factor, centred columns."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks._cards import prior

from ._handwritten import Block, blocks, population_priors, shared_sd

LIKELIHOODS = ("gaussian", "bernoulli", "binomial", "poisson", "negative_binomial")


def build(card: Mapping[str, Any], design: Mapping[str, np.ndarray]) -> Any:
    """Return the ``pm.Model``."""
    import pymc as pm

    intercept, means, sds = population_priors(card, design)
    X = design["X"]
    with pm.Model() as model:
        if X.shape[1]:
            centre = X.mean(axis=0)
            at_means = pm.Normal("Intercept_centred", **intercept)
            beta = pm.Normal("beta", means, sds, shape=X.shape[1])
            pm.Deterministic("Intercept", at_means - centre @ beta)
            eta = at_means + (X - centre) @ beta
        else:
            eta = pm.Normal("Intercept", **intercept)
        for k, block in enumerate(blocks(card, design)):
            eta = eta + _group(k, block)
        _likelihood(card, design, eta)
    return model


def _group(k: int, block: Block) -> Any:
    import pymc as pm

    name, arguments = shared_sd(block)
    size = len(block.names)
    z = pm.Normal(f"z_{k}", 0, 1, shape=(len(block.levels), size))
    if block.eta is None:
        sd = getattr(pm, name)(f"sd_{k}", **arguments, shape=size)
        u = pm.Deterministic(f"u_{k}", z * sd)
    else:
        distribution = getattr(pm, name).dist(**arguments, shape=size)
        # The names "corr" and "stds" are made of this one; see `renamed`.
        chol, _, _ = pm.LKJCholeskyCov(f"chol_{k}", n=size, eta=block.eta, sd_dist=distribution, compute_corr=True)
        u = pm.Deterministic(f"u_{k}", z @ chol.T)
    total = 0.0
    for i, label in enumerate(block.labels):
        effect = u[:, i][block.codes]
        total = total + (effect if label == "1" else effect * block.Z[:, i])
    return total


def _likelihood(card: Mapping[str, Any], design: Mapping[str, np.ndarray], eta: Any) -> None:
    import pymc as pm

    y, family = design["y"], card["family"]
    if family == "gaussian":
        pm.Normal("y", eta, parameter(card, "sigma"), observed=y)
    elif family == "bernoulli":
        pm.Bernoulli("y", logit_p=eta, observed=y.astype(int))
    elif family == "binomial":
        pm.Binomial("y", n=design["trials"].astype(int), logit_p=eta, observed=y.astype(int))
    elif family == "poisson":
        pm.Poisson("y", pm.math.exp(eta), observed=y.astype(int))
    elif family == "negative_binomial":
        pm.NegativeBinomial("y", mu=pm.math.exp(eta), alpha=parameter(card, "alpha"), observed=y.astype(int))
    else:
        raise ValueError(f"card: no hand-written likelihood '{family}'; there are {', '.join(LIKELIHOODS)}")


def parameter(card: Mapping[str, Any], name: str) -> Any:
    """Return a parameter of the likelihood with the card's prior."""
    import pymc as pm

    kind, arguments = prior(card["priors"][name])
    return getattr(pm, kind)(name, **arguments)


def renamed(posterior: Any) -> dict[str, np.ndarray]:
    """Return draws by the names that :func:`benchmarks.peers._handwritten.scalars` reads."""
    found = {}
    for name, value in posterior.data_vars.items():
        key = str(name)
        if key.startswith("chol_") and key.endswith("_corr"):
            key = f"corr_{key.split('_')[1]}"
        elif key.startswith("chol_") and key.endswith("_stds"):
            key = f"sd_{key.split('_')[1]}"
        found[key] = value.to_numpy()
    return found


def shown(posterior: Any) -> list[str]:
    """Return the variables a user would look at: not the standardised effects nor the packed Cholesky factor."""
    hidden = ("z_", "Intercept_centred")
    packed = {str(n) for n in posterior.data_vars if str(n).startswith("chol_") and str(n).count("_") == 1}
    return [str(n) for n in posterior.data_vars if not str(n).startswith(hidden) and str(n) not in packed]

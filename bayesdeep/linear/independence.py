"""Independence Metropolis chains from proposals that were made beforehand.

A proposal that is close to the posterior gives importance weights that are nearly even. The chain that moves to the next
proposal with probability ``min(1, w' / w)`` has the posterior as its stationary distribution whatever the proposal is, and
the usual diagnostics (R-hat, effective sample size) read its quality off its draws.

References
----------
Tierney (1994), Markov chains for exploring posterior distributions, doi:10.1214/aos/1176325750.
"""

import numpy as np


def accept(log_weights: np.ndarray, start: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the state after each step ``(chain, step)``: the number of a proposal of the chain, or -1 for its start.

    Parameters
    ----------
    log_weights
        Log of target over proposal ``(chain, step)``, in the order of the steps.
    start
        The same at the chains' starting points ``(chain,)``.
    """
    chains, steps = log_weights.shape
    threshold = np.log(rng.random((chains, steps)))
    states = np.empty((chains, steps), dtype=np.int64)
    for c in range(chains):
        current, state = float(start[c]), -1
        for t, (weight, limit) in enumerate(zip(log_weights[c].tolist(), threshold[c].tolist(), strict=True)):
            if weight - current >= limit:
                current, state = weight, t
            states[c, t] = state
    return states

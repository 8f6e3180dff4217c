"""``python -m benchmarks.peers.bde.worker ROWS.npz OPTIONS.json``: sklearn-contrib-bde on the rows of a split.

Inputs and response are standardised as its documentation advises, and the log score is brought back to the response's units.
"""

import json
import resource
import sys
import time

import numpy as np


def spent() -> float:
    """Return processor seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(rows: str, options: str) -> None:
    """Fit, predict the test rows and print what came out."""
    import jax
    from bde import BdeRegressor
    from scipy.special import logsumexp
    from scipy.stats import norm

    data, given = np.load(rows), json.loads(options)
    centre, sd = data["x_train"].mean(axis=0), data["x_train"].std(axis=0)
    mid, unit = data["y_train"].mean(), data["y_train"].std()
    x, x_new = ((data[name] - centre) / sd for name in ("x_train", "x_test"))
    began, cpu = time.perf_counter(), spent()
    model = BdeRegressor(**given)
    model.fit(x.astype(np.float32), ((data["y_train"] - mid) / unit).astype(np.float32))
    raw = np.asarray(model.predict(x_new.astype(np.float32), raw=True), dtype=float)
    seconds, used = time.perf_counter() - began, spent() - cpu
    mean = raw[..., 0].reshape(-1, len(x_new)) * unit + mid
    scale = (np.asarray(jax.nn.softplus(raw[..., 1]), dtype=float).reshape(-1, len(x_new)) + 1e-6) * unit
    y = data["y_test"]
    score = logsumexp(norm.logpdf(y, mean, scale), axis=0) - np.log(len(mean))
    drawn = np.random.default_rng(0).normal(mean, scale)
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
    print(json.dumps({
        "log_score": float(score.mean()), "rmse": float(np.sqrt(np.mean((mean.mean(axis=0) - y) ** 2))),
        "coverage_90": float(((y >= low) & (y <= high)).mean()), "cpu": used, "wall": seconds,
    }))  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])

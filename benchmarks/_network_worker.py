"""``python -m benchmarks._network_worker ROWS.npz OPTIONS.json``: a network of bayesdeep on the rows of a split."""

import json
import sys
import time
from collections.abc import Mapping

import numpy as np

from ._protocol import load_modules
from .peers.bayesdeep.worker import load
from .peers.bde.worker import spent


def _columns(data: Mapping[str, np.ndarray], part: str) -> dict[str, np.ndarray]:
    return {**{f"x{k}": column for k, column in enumerate(data[f"x_{part}"].T)}, "y": data[f"y_{part}"]}


def main(rows: str, options: str) -> None:
    """Fit, predict the test rows and print what came out."""
    import bayesdeep as bd

    load()
    load_modules("jax", "optax", "blackjax")
    data, given = np.load(rows), json.loads(options)
    hidden, method, noise = given.pop("hidden"), given.pop("method"), given.pop("noise", "")
    train, test = (_columns(data, part) for part in ("train", "test"))
    began, cpu = time.perf_counter(), spent()
    net = f"net(., hidden={hidden}, share='body')" if noise == "shared" else f"net(., hidden={hidden})"
    formulas = {"sigma": f"~ {net}"} if noise else {}
    fit = bd.Model(f"y ~ {net}", train, **formulas).fit(method, seed=1, progress=False, **given)
    found, score = fit.predict(test, interval=0.9), fit.log_score(test)
    seconds, used = time.perf_counter() - began, spent() - cpu
    y = data["y_test"]
    print(json.dumps({
        "log_score": score, "rmse": float(np.sqrt(np.mean((found["mean"] - y) ** 2))),
        "coverage_90": float(((y >= found["lower"]) & (y <= found["upper"])).mean()), "cpu": used, "wall": seconds,
    }))  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])

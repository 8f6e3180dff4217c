"""Smooth, process and network on the same data: a curve, curves by plant, a map, and what each costs."""

from .settings import SETTINGS

CELLS = [
    ("md", """# Smooth, process or network?

A curve that no formula is known for can be a **smooth** (a basis, and one number for how much it may bend), a **Gaussian process** (one
number for how far it strays and one for how fast), a **random walk**, or a **network** (a basis that is learned as well). All are
terms of the same formula. This notebook puts them on the same data and asks three things: do they find the same curve, how sure are
they, and what does each cost?"""),
    ("code", """import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import bayesdeep as bd

""" + SETTINGS),
    ("md", """## One curve: a head in a crash

133 accelerations of a dummy's head after an impact (Silverman 1985). Flat, then one deep fall and a rebound; the noise grows."""),
    ("code", """crash = bd.load_dataset("mcycle")
FORMULAS = {
    "smooth": "accel ~ s(times, k=20)",
    "process": "accel ~ gp(times)",
    "network": "accel ~ net(times, hidden=[16])",
}
bd.Model("accel ~ times", crash).fit(**SETTINGS)  # what is imported once is not to be counted
fits, seconds = {}, {}
for name, formula in FORMULAS.items():
    options = SETTINGS if name != "network" else {**SETTINGS, "draws": SETTINGS["draws"] // 2, "tune": SETTINGS["tune"] // 2}
    started = time.perf_counter()
    fits[name] = bd.Model(formula, crash).fit(**options)
    seconds[name] = time.perf_counter() - started
pd.DataFrame({"seconds": seconds, "method": {n: f.idata.attrs["method"] for n, f in fits.items()}}).round(2)"""),
    ("code", """grid = pd.DataFrame({"times": np.linspace(crash["times"].min(), crash["times"].max(), 120)})
figure, axes = plt.subplots(1, 3, figsize=(11, 3), sharey=True)
for axis, (name, fit) in zip(axes, fits.items()):
    curve = fit.predict(grid, kind="mean", interval=0.89)
    axis.plot(crash["times"], crash["accel"], ".", color="0.75", markersize=3)
    axis.plot(grid["times"], curve["mean"], color="black", linewidth=1)
    axis.fill_between(grid["times"], curve["lower"], curve["upper"], alpha=0.3)
    axis.set(title=name, xlabel="ms")
axes[0].set_ylabel("g")
figure.tight_layout()"""),
    ("md", """Three bases, one curve. The bands are those of the curve's mean. The smooth and the process have their coefficients integrated
out exactly; the network is sampled, weight by weight, which is what costs.

How good are they at rows they have not seen?"""),
    ("code", """bd.compare(fits, progress=False).table[["elpd", "elpd_diff", "dse", "rmse", "coverage_90"]].round(2)"""),
    ("md", """### The noise has a curve of its own

Any parameter has a formula, and any term may stand in it. The first 15 ms have next to no noise; a model with one `sigma` for all rows
does not know that, and its band there is as wide as elsewhere."""),
    ("code", """grows = bd.Model("accel ~ s(times, k=20)", crash, sigma="~ s(times)").fit(**SETTINGS)
print(grows.explain_choice)
bd.compare({"one sigma": fits["smooth"], "sigma ~ s(times)": grows}, progress=False).table[["elpd", "elpd_diff", "dse"]].round(1)"""),
    ("code", """figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True)
for axis, (name, fit) in zip(axes, {"one sigma": fits["smooth"], "sigma ~ s(times)": grows}.items()):
    rows = fit.predict(grid, kind="response", interval=0.9)
    axis.plot(crash["times"], crash["accel"], ".", color="0.6", markersize=3)
    axis.fill_between(grid["times"], rows["lower"], rows["upper"], alpha=0.3)
    axis.set(title=name, xlabel="ms")
axes[0].set_ylabel("90 % of new measurements, g")
figure.tight_layout()"""),
    ("md", """## Curves by plant: carbon dioxide

Twelve grass plants from two places, half of them chilled, at seven concentrations (Potvin and others 1990). Is there a curve by
treatment? `by=` has one for each level, beside plants that differ."""),
    ("code", """plants = bd.load_dataset("co2_uptake")
by_place = bd.Model("uptake ~ type * treatment + s(conc, k=6, by=type) + (1 | plant)", plants).fit(**SETTINGS)
bd.plot.smooths(by_place)"""),
    ("md", """Plants from Mississippi saturate lower. Whether their curve *differs* is a question of models: one curve for all, a curve a place, or
a curve a plant (`fs`: as many curves as plants, with one smoothness)."""),
    ("code", """CURVES = {
    "one curve": "uptake ~ type * treatment + s(conc, k=6) + (1 | plant)",
    "by place": "uptake ~ type * treatment + s(conc, k=6, by=type) + (1 | plant)",
    "a curve a plant": 'uptake ~ type * treatment + s(conc, k=6) + s(conc, plant, k=6, bs="fs")',
}
curves = {name: bd.Model(formula, plants).fit(**SETTINGS) for name, formula in CURVES.items()}
bd.compare(curves, progress=False).table[["elpd", "elpd_diff", "dse"]].round(1)"""),
    ("md", """## A map

Counts in 144 regions on a grid, of which neighbours are alike and some are unlike all others: `car(region, W)` has both parts, and
`car(region)_rho` says how much of the variance the neighbours share. 24 regions are held back; their neighbours speak for them."""),
    ("code", """SIDE = 12
rng = np.random.default_rng(4)
place = [(i, j) for i in range(SIDE) for j in range(SIDE)]
names = [f"r{i:02d}.{j:02d}" for i, j in place]
near = np.array([[float(abs(a - c) + abs(b - d) == 1) for c, d in place] for a, b in place])
W = pd.DataFrame(near, index=names, columns=names)
truth = np.array([np.sin(i / 3) + np.cos(j / 4) for i, j in place]) * 0.5 + rng.normal(0, 0.2, len(names))
counts = pd.DataFrame({"region": names, "expected": rng.uniform(5, 30, len(names))})
counts["cases"] = rng.poisson(counts["expected"] * np.exp(truth))
held = rng.choice(len(names), 24, replace=False)
seen = counts.drop(index=held)

MAPS = {"neighbours": "cases ~ car(region, W) + offset(log(expected))", "each by itself": "cases ~ (1 | region) + offset(log(expected))"}
maps = {}
for name, formula in MAPS.items():
    arrays = {"W": W} if "W" in formula else None
    maps[name] = bd.Model(formula, seen, family="poisson", arrays=arrays).fit(**SETTINGS)
maps["neighbours"].summary(var_names=["Intercept", "car(region)_sigma", "car(region)_rho"]).round(2)"""),
    ("code", """score = {name: fit.log_score(counts.loc[held], new_groups="sample") for name, fit in maps.items()}
print({name: round(value, 3) for name, value in score.items()}, "mean log score of the 24 regions held back")
estimate = maps["neighbours"].predict(counts.assign(expected=1.0), kind="mean")["mean"].to_numpy()
figure, axes = plt.subplots(1, 2, figsize=(7, 3))
for axis, values, title in zip(axes, (np.exp(truth), estimate), ("true rate", "estimate, 24 regions unseen")):
    image = axis.imshow(values.reshape(SIDE, SIDE), vmin=0.2, vmax=2.6)
    axis.set(title=title, xticks=[], yticks=[])
    figure.colorbar(image, ax=axis)
axes[1].plot(held % SIDE, held // SIDE, "w.", markersize=4)
figure.tight_layout()"""),
    ("md", """White dots are the regions without counts.

## What each costs

All of this was one formula language; what differs is the price. Smooths, processes, walks and maps are bases whose coefficients have a
law, so that for normal responses they are integrated out and for others their Gaussian map is followed: fractions of a second to a few
seconds, and exact. A network learns its basis too, and pays for it with sampling. What it buys is shown where inputs interact in ways no
one wrote down (notebook 3); on one smooth curve it buys nothing."""),
]

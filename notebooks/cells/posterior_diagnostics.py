"""ArviZ on our fits: a healthy fit, a funnel, and a network whose chains find different functions."""

from .settings import SETTINGS

CELLS = [
    ("md", """# Can these draws be trusted?

A fit is a table of draws, and draws can be wrong in ways that means and intervals do not show. Here are three patients: one healthy, a
*funnel*, and a network whose chains find *different answers*. Every fit is an ArviZ `DataTree` (`fit.idata`), so all of ArviZ's
statistics and plots work on it; `fit.diagnose()` puts the usual ones together and says what to do."""),
    ("code", """import arviz as az
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pymc as pm

import bayesdeep as bd

""" + SETTINGS),
    ("md", """## A healthy fit

Reaction times of 18 people over ten days of too little sleep. People differ in where they start and in how they suffer."""),
    ("code", """sleep = bd.load_dataset("sleepstudy")
healthy = bd.Model("reaction ~ days + (days | subject)", sleep).fit(**SETTINGS)
healthy.diagnose()"""),
    ("md", """R-hat compares the spread between chains with the spread within them and should be near 1; the effective sample size (ESS) is how
many independent draws these are worth (Vehtari et al. 2021). Ranks show the same to the eye: if chains draw from one
distribution, each has as many small values as large ones, and the lines on the right stay near 0; `p` is that of a test of it."""),
    ("code", """az.plot_rank_dist(healthy.idata, var_names=["Intercept", "days", "sigma", "1|subject_sigma"], figure_kwargs={"figsize": (10, 8)});"""),
    ("md", """Draws can be fine and the model wrong. Predictive draws and the log likelihood are added to the `DataTree` when asked for; then
ArviZ asks of each row: where does it lie among its predictions, had it been left out? For a calibrated model these places are
uniform, and the line stays near 0."""),
    ("code", """healthy.posterior_predictive()
healthy.log_likelihood()
az.plot_loo_pit(healthy.idata, figure_kwargs={"figsize": (7, 3)});"""),
    ("md", """It does not. Too few rows lie far from the middle and too many near it: a normal distribution has to be wide to reach a few
extreme nights, and is too wide for all others. Noise with heavier tails is one word:"""),
    ("code", """heavy = bd.Model("reaction ~ days + (days | subject)", sleep, family="student_t").fit(**SETTINGS)
heavy.posterior_predictive()
heavy.log_likelihood()
az.plot_loo_pit(heavy.idata, figure_kwargs={"figsize": (7, 3)});"""),
    ("code", """comparison = bd.compare({"normal noise": healthy, "Student's t": heavy}, progress=False)
comparison.table[["elpd", "elpd_diff", "dse", "coverage_50", "coverage_90"]].round(2)"""),
    ("md", """## A funnel

Eight schools, an effect of coaching and its standard error from each (Rubin 1981). How much schools differ, `tau`, is hardly
known. Written down as it is usually read, *centred*, with each school's effect drawn around the mean, the posterior is a funnel:
for small `tau` the effects have hardly any room, and one step size cannot serve neck and mouth. By hand in PyMC, with our priors:"""),
    ("code", """schools = bd.load_dataset("eight_schools")
model = bd.Model("y ~ 1 + (1 | school)", schools, sigma=bd.known("se"))
print(model)

with pm.Model(coords={"school": schools["school"]}):
    mu = pm.Normal("mu", 8.75, 24.42)
    tau = pm.HalfStudentT("tau", 3, 9.769)
    theta = pm.Normal("theta", mu, tau, dims="school")
    pm.Normal("y", theta, schools["se"].to_numpy(), observed=schools["y"].to_numpy())
    centred = pm.sample(SETTINGS["draws"], tune=SETTINGS["tune"], chains=SETTINGS["chains"], random_seed=1, progressbar=False, quiet=True)"""),
    ("md", """Ours twice: by NUTS, in coordinates that are centred as far as the data advise, and as `fit()` chooses, with the effects
integrated out exactly, so that there is no funnel to fall into."""),
    ("code", """fits = {"NUTS": model.fit("nuts", **SETTINGS), "integrated out": model.fit(**SETTINGS)}
taus = {"centred by hand": (centred, "tau"), **{name: (fit.idata, "1|school_sigma") for name, fit in fits.items()}}
rows = {}
for name, (tree, what) in taus.items():
    one = az.summary(tree, var_names=[what], kind="all", round_to="none").iloc[0]
    stats = tree["sample_stats"].to_dataset() if "sample_stats" in tree.children else {}
    rows[name] = {
        "divergences": f"{int(stats['diverging'].sum())}" if "diverging" in stats else "none possible",
        "R-hat": f"{one['r_hat']:.3f}",
        "bulk ESS": f"{one['ess_bulk']:.0f}",
        "mean": f"{one['mean']:.2f}",
        "5 %": f"{float(tree['posterior'][what].quantile(0.05)):.2f}",
    }
pd.DataFrame(rows).T.rename_axis(columns="tau")"""),
    ("code", """figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), sharex=True, sharey=True)
ours = fits["integrated out"].posterior
effect = {"centred by hand": centred["posterior"]["theta"].sel(school="A"), "integrated out": ours["Intercept"] + ours["1|school"].sel(school="A")}
for axis, (name, theta) in zip(axes, effect.items()):
    tree, what = taus[name]
    x, y = np.asarray(theta).ravel(), np.log(np.asarray(tree["posterior"][what])).ravel()
    axis.plot(x, y, ".", color="0.6", markersize=2)
    if name == "centred by hand":
        lost = np.asarray(tree["sample_stats"]["diverging"]).ravel()
        axis.plot(x[lost], y[lost], "x", color="C3", label="divergence")
        axis.legend(loc="lower right")
    axis.set(title=name, xlabel="effect of school A", ylim=(-5, 4))
axes[0].set_ylabel("log tau");"""),
    ("md", """The neck of the funnel, at the bottom, is where the centred sampler hardly gets: it diverges at the entrance, and takes `tau` to be
larger than it is. A divergence is not a nuisance to be counted: it says *where* draws are missing. `target_accept=0.95` makes smaller steps; other coordinates, or
integrating out, remove the cause.

## A network with several answers

Two bumps, and a network of two units. A tanh unit is one step, so a bump takes two of them: the network can have either bump, not
both."""),
    ("code", """rng = np.random.default_rng(3)
x = np.sort(rng.uniform(-4, 4, 80))
data = pd.DataFrame({"x": x, "y": np.exp(-2 * (x + 2) ** 2) + np.exp(-2 * (x - 2) ** 2) + rng.normal(0, 0.1, x.size)})

NET = {**SETTINGS, "draws": SETTINGS["draws"] // 4, "tune": SETTINGS["tune"] // 2}
small = bd.Model("y ~ net(x, hidden=[2])", data).fit("nuts", **NET)
large = bd.Model("y ~ net(x, hidden=[8])", data).fit("nuts", **NET)"""),
    ("code", """grid = pd.DataFrame({"x": np.linspace(-4, 4, 81)})
figure, axes = plt.subplots(1, 2, figsize=(10, 3.5), sharey=True)
for axis, (units, fit) in zip(axes, {2: small, 8: large}.items()):
    axis.plot(data["x"], data["y"], ".", color="0.7", markersize=3)
    for k, chain in enumerate(fit.draws(grid, kind="mean").mean("draw")):
        axis.plot(grid["x"], chain, label=f"chain {k}")
    axis.set(title=f"{units} units: each chain's mean function", xlabel="x")
axes[0].set_ylabel("y")
axes[0].legend(fontsize=8);"""),
    ("md", """R-hat of weights is no verdict. Units can be exchanged and their signs turned without any change of the function, so the chains of
*both* networks disagree on weights. What can be judged is the function: the group `functions` of the `DataTree` has the predictor at
the rows and between them."""),
    ("code", """def largest(dataset, names):
    values = az.rhat(dataset[names])
    return max(float(values[name].max()) for name in names)


pd.DataFrame({
    units: {
        "R-hat of first-layer weights": f"{largest(fit.posterior, ['net(x)_w1']):.2f}",
        "R-hat of the function": f"{largest(fit.idata['functions'].to_dataset(), ['predictor']):.2f}",
        "verdict": fit.diagnose().verdict,
    }
    for units, fit in {"2 units": small, "8 units": large}.items()
}).T"""),
    ("md", "With eight units the chains draw nearly one function, and what they still differ by is small enough to use it with care; with two they do not."),
    ("code", "print(large.diagnose().sentence)"),
    ("code", "small.diagnose()"),
    ("md", """Longer chains would not help: no chain crosses from one answer to the other, and how many chains sit on which depends on where they
started, not on how probable the two answers are. What helps is a network that can do both bumps: it has one answer (right picture above).
If the small network is given, its chains can be weighted by how well their mixture predicts rows left out (Yao, Vehtari and Gelman
2022). That is a predictive distribution, not the posterior, and says so. Where some chains are worse than others it gains much; here
each answer has one bump right and one wrong, the chains happen to sit on them about as the weights want it, and it gains hardly
anything."""),
    ("code", """stacked = small.stack_chains()
print("weights of the chains:", np.round(stacked.idata.attrs["chain_weights"], 2))
print(stacked.diagnose().sentence)"""),
    ("code", """fresh = np.random.default_rng(4).uniform(-4, 4, 1000)
fresh = pd.DataFrame({"x": fresh, "y": np.exp(-2 * (fresh + 2) ** 2) + np.exp(-2 * (fresh - 2) ** 2) + np.random.default_rng(5).normal(0, 0.1, 1000)})
pd.Series({"2 units, chains as they came": small.log_score(fresh), "2 units, chains weighted": stacked.log_score(fresh),
           "8 units": large.log_score(fresh)}, name="log score a row of 1,000 new rows").to_frame().round(3)"""),
]

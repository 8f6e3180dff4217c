"""Shrinkage, ridge, lasso, horseshoe, weight decay and dropout as priors, on one data set."""

from .settings import SETTINGS

CELLS = [
    ("md", """# Penalties are priors

Ridge, lasso, partial pooling, weight decay, dropout: five names from four literatures for one act, which is to believe the data a
little less than they say. This notebook does all of them on one data set and asks of each: *how much does it take off which
coefficient?*

The data: 60 rows and 12 standardised columns. Three coefficients are large, three small, six are nothing. The noise is known to be 1,
so that it stays out of the way."""),
    ("code", """import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import bayesdeep as bd

""" + SETTINGS + """
TRUE = np.array([1.5, -1.0, 0.6, 0.15, -0.1, 0.1, 0, 0, 0, 0, 0, 0])
COLUMNS = [f"x{j + 1}" for j in range(TRUE.size)]


def draw(rows, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, TRUE.size))
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return pd.DataFrame(x, columns=COLUMNS).assign(y=x @ TRUE + rng.normal(size=rows))


data, fresh = draw(60, 11), draw(1000, 12)
x, y = data[COLUMNS].to_numpy(), (data["y"] - data["y"].mean()).to_numpy()
least_squares = np.linalg.lstsq(x, y)[0]


def regression(prior):
    priors = {"population": prior} if prior.startswith("Horseshoe") else dict.fromkeys(COLUMNS, prior)
    return bd.Model("y ~ " + " + ".join(COLUMNS), data, priors=priors, sigma=bd.known(1.0))


def coefficients(fit):
    return fit.posterior[COLUMNS].mean(["chain", "draw"]).to_array().to_numpy()"""),
    ("md", """## Ridge is a normal prior

With coefficients `Normal(0, s)` and noise `sigma`, the posterior mean is ridge regression with the penalty `sigma² / s²`. The
coefficients are integrated out exactly, so that the difference is Monte Carlo error."""),
    ("code", """s = 0.3
posterior = coefficients(regression(f"Normal(0, {s})").fit(**SETTINGS))
ridge = np.linalg.solve(x.T @ x + np.eye(TRUE.size) / s**2, x.T @ y)
pd.DataFrame({"true": TRUE, "least squares": least_squares, "ridge": ridge, "posterior mean": posterior}, index=COLUMNS).round(2).T"""),
    ("md", """## The lasso is the *mode* of a Laplace prior

A Laplace prior has a peak at 0 and heavier tails. Its most probable coefficients (`fit("map")`, a point estimate and labelled
so) are the lasso's, with exact zeros but for what an optimiser leaves. Its posterior mean has none: no single value, 0 included, has positive probability. The regularised
horseshoe (Piironen and Vehtari 2017) has a sharper peak and tails so heavy that what is clearly not zero is left alone.

Each line below is a coefficient, in colour the three that are large; each panel goes from a narrow prior on the left to a wide one."""),
    ("code", """quick = {**SETTINGS, "draws": SETTINGS["draws"] // 2, "tune": SETTINGS["tune"] // 2}
scales = np.geomspace(0.01, 3, max(2, SETTINGS["draws"] // 125))
ways = {
    "normal, mean (ridge)": ("Normal(0, {:.4g})", lambda model: model.fit(**quick)),
    "Laplace, mode (lasso)": ("Laplace(0, {:.4g})", lambda model: model.fit("map", seed=1, progress=False)),
    "Laplace, mean": ("Laplace(0, {:.4g})", lambda model: model.fit("nuts", **quick)),
    "horseshoe, mean": ("Horseshoe({:.4g})", lambda model: model.fit("nuts", target_accept=0.95, **quick)),
}
paths = {name: [fit(regression(prior.format(s))) for s in scales] for name, (prior, fit) in ways.items()}"""),
    ("code", """figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), sharex=True, sharey=True)
for axis, (name, fits) in zip(axes, paths.items()):
    for j, line in enumerate(np.array([coefficients(fit) for fit in fits]).T):
        axis.plot(scales, line, color=f"C{j}" if j < 3 else "0.7", zorder=3 - (j > 2))
    for j in range(3):
        axis.axhline(TRUE[j], color=f"C{j}", linestyle=":", linewidth=0.8)
    axis.set(title=name, xscale="log", xlabel="scale of the prior")
axes[0].set_ylabel("coefficient (dotted: true)")
figure.tight_layout()"""),
    ("md", """The normal prior takes a similar *share* off every coefficient: where it has silenced the grey ones, the large ones are gone
too. The Laplace prior takes a similar *amount* off, which the large ones mind less. The horseshoe tells the two kinds apart; its lines are
level because its scale is itself learned, and what is varied here is only the prior of that.

What does it do to predictions? The log score, a row, of 1,000 new rows:"""),
    ("code", """scores = pd.DataFrame({name: [fit.log_score(fresh) for fit in fits] for name, fits in paths.items()}, index=scales)
figure, axis = plt.subplots(figsize=(7, 3.6))
for name in scores:
    axis.plot(scales, scores[name], marker=".", label=name)
axis.set(xscale="log", xlabel="scale of the prior", ylabel="log score of new rows", ylim=(-2.2, -1.45))
axis.legend(fontsize=8);"""),
    ("md", """Too narrow is far worse than too wide, and the heavier the tails, the less the choice matters. With a wide prior the mode is below the
mean of the same prior: it is one set of coefficients and does not know how uncertain they are. At the scale that is best for the new
rows, this is what each prior leaves of the least squares coefficients:"""),
    ("code", """def left_over(name):
    fit = paths[name][int(scores[name].argmax())]
    share = np.abs(coefficients(fit)) / np.abs(least_squares)
    rest = np.abs(coefficients(fit))[TRUE == 0].sum() / np.abs(least_squares)[TRUE == 0].sum()
    return {"best scale": scores[name].idxmax(), "log score": scores[name].max(), **dict(zip(("x1", "x2", "x3"), share)), "six that are nothing": rest}


pd.DataFrame({name: left_over(name) for name in scores}).T.round(2)"""),
    ("md", """The normal prior can take nothing from the six without taking it from the large ones, and does best by hardly shrinking at all. The
lasso takes three quarters of the six, and pays with a fifth of `x3`. The horseshoe halves the six and keeps more than nine tenths of each
large one.

## Partial pooling is a ridge that finds its own penalty

One need not choose the scale. A group effect `(1 | g)` is a coefficient of the group's indicator with the prior `Normal(0, tau)`, and
`tau` is learned from how much groups differ. Put the learned numbers into ridge regression, and out come the multilevel estimates, but
for the uncertainty of the numbers themselves:"""),
    ("code", """radon = bd.load_dataset("radon").astype({"county": str})
multilevel = bd.Model("log_radon ~ floor + (1 | county)", radon).fit(**SETTINGS)
tau, sigma, slope, intercept = (multilevel.posterior[name].mean().item() for name in ("1|county_sigma", "sigma", "floor", "Intercept"))
indicators = pd.get_dummies(radon["county"]).astype(float)
rest = radon["log_radon"] - intercept - slope * radon["floor"]
penalised = np.linalg.solve(indicators.T @ indicators + np.eye(indicators.shape[1]) * sigma**2 / tau**2, indicators.T @ rest)
effects = multilevel.posterior["1|county"].mean(["chain", "draw"]).sel(county=indicators.columns.to_list()).to_numpy()
print(f"85 counties: effects from {effects.min():.2f} to {effects.max():.2f}, "
      f"largest difference from the ridge {np.abs(effects - penalised).max():.3f}, correlation {np.corrcoef(effects, penalised)[0, 1]:.4f}")"""),
    ("md", """Our 12 columns can learn their scale in the same way. A network without hidden layers is this regression, and its weights have one
scale with a prior of its own:"""),
    ("code", """inputs = ", ".join(COLUMNS)
flat = bd.Model(f"y ~ net({inputs}, hidden=[], prior='layer', name='all', orthogonal=False)", data, sigma=bd.known(1.0))
learned = flat.fit("nuts", **quick)
spread = learned.posterior["all_sigma"] / np.sqrt(TRUE.size)
print(f"learned scale of a coefficient: {spread.mean().item():.2f}, 90 % from {spread.quantile(0.05).item():.2f} to {spread.quantile(0.95).item():.2f}")
print(f"of the scales above, the one that new rows like best: {scores['normal, mean (ridge)'].idxmax():.2f}")
print(f"log score with the learned scale: {learned.log_score(fresh):.3f}")"""),
    ("md", """## Weight decay is a normal prior

Training by gradient steps, `fit("sgd")`, descends on the negative log likelihood less the log prior. The gradient of a normal prior
is `-w / s²`: each step lets every weight decay towards 0. Stopped at the end it is the ridge again, whatever made the steps:"""),
    ("code", """full = dict(held_out=0.0, batch_size=len(data), epochs=2 * SETTINGS["draws"], seed=1, progress=False)
decayed = flat.fit("sgd", **full)
s = float(decayed.posterior["all_sigma"].squeeze()) / np.sqrt(TRUE.size)
ridge = np.linalg.solve(x.T @ x + np.eye(TRUE.size) / s**2, x.T @ y)
trained = decayed.slopes(COLUMNS).set_index("term")["estimate"][COLUMNS].to_numpy()
print(f"scale {s:.2f}; largest difference from the ridge with penalty 1 / s² = {1 / s**2:.3f}: {np.abs(trained - ridge).max():.4f}")"""),
    ("md", """## Dropout is a ridge as well

Dropout leaves units out at random while training and so adds noise to the function; on average, squared loss plus noise is squared loss
plus the noise's variance, a penalty (Wager, Wang and Liang 2013). For a network of `K` *linear* units that are left out with probability
`p` the sum can be done. The penalty is `p / (1 - p)` times the units' squared contributions, least when all contribute alike, and the
function that minimises the whole is least squares times

    1 / (1 + p / ((1 - p) K)).

Here it is, against networks trained with dropout and no other penalty:"""),
    ("code", """rows = []
for units, p in ((1, 0.5), (4, 0.5)):
    net = bd.Model(f"y ~ net({inputs}, hidden=[{units}], activation='identity', orthogonal=False)", data, sigma=bd.known(1.0))
    dropped = net.fit("sgd", penalty=False, dropout=p, **{**full, "epochs": 3 * SETTINGS["draws"]})
    found = dropped.slopes(COLUMNS).set_index("term")["estimate"][COLUMNS].to_numpy()
    rows.append({"units K": units, "dropout p": p, "trained": found @ least_squares / (least_squares @ least_squares),
                 "formula": 1 / (1 + p / ((1 - p) * units))})
pd.DataFrame(rows).round(3)  # coefficients as a share of least squares"""),
    ("md", """The more units, the less dropout shrinks: each can be made up for by the others. So `p` is a prior scale in disguise, and one that depends on the
width.

## All at once, in a network that bends

The same rows, a network of 16 tanh units, nothing to keep it in check, and three ways to do so. Only the last is a posterior; the others are point
estimates, or in the case of dropout an approximation, and `exact` says so. Each of the three predicts new rows better than maximum
likelihood, and the posterior best."""),
    ("code", """bent = bd.Model(f"y ~ net({inputs}, hidden=[16])", data, sigma=bd.known(1.0))
kept = {
    "maximum likelihood": bent.fit("sgd", penalty=False, **full),
    "dropout 0.5 alone": bent.fit("dropout", rate=0.5, penalty=False, draws=SETTINGS["draws"], **full),
    "weight decay (the prior's mode)": bent.fit("sgd", **full),
    "posterior": bent.fit("nuts", **{**SETTINGS, "draws": SETTINGS["draws"] // 4, "tune": SETTINGS["tune"] // 4}),
}
pd.DataFrame({name: {"exact": fit.idata.attrs["exact"], "fitted rows": round(fit.log_score(data), 2), "new rows": round(fit.log_score(fresh), 2)}
              for name, fit in kept.items()}).T"""),
]

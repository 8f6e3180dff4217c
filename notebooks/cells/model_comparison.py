"""Multilevel model, Bayesian net, point net and a baseline on grouped data: one table, one page."""

from .settings import SETTINGS

CELLS = [
    ("md", """# Multilevel or deep, and how sure?

One call compares them, one page tells a colleague. On radon in 919 houses of 85 counties: a multilevel model, a network with a
posterior, the same network trained to a point, and gradient boosting, which people would try first."""),
    ("code", """import bayesdeep as bd

""" + SETTINGS + """
NET = {**SETTINGS, "draws": SETTINGS["draws"] // 4, "tune": SETTINGS["tune"] // 4}
FOLDS = max(2, SETTINGS["draws"] // 200)
radon = bd.load_dataset("radon").astype({"county": str})
network = bd.Model("log_radon ~ net(floor, log_uranium, hidden=[8])", radon)

fits = {
    "multilevel": bd.Model("log_radon ~ floor + log_uranium + (1 + floor | county)", radon).fit(**SETTINGS),
    "bayesian net": network.fit("nuts", **NET),
    "point net": network.fit("sgd", epochs=SETTINGS["draws"] // 10, seed=1, progress=False),
    "boosting": "gradient boosting",
}"""),
    ("md", """## Single houses

How well does each predict a house from all others? Posteriors could be scored by leave-one-out without refitting. A point estimate and a
baseline of scikit-learn have no posterior draws to weigh, so all four are refitted, on the same five folds. Nothing below is in-sample."""),
    ("code", """houses = bd.compare(fits, k=FOLDS, seed=1, refits=True, progress=False)
houses.table[["elpd", "elpd_diff", "dse", "weight", "rmse", "crps", "coverage_90", "width_90", "exact"]].round(3)"""),
    ("code", "bd.plot.elpd_differences(houses.table)"),
    ("md", """`elpd` is the sum over the houses of the log density a model gave to a house it had not seen, `elpd_diff` the difference from the best and
`dse` its standard error: below twice that, nothing is decided. So the multilevel model and both networks predict alike, and boosting
does worse. `weight` is what a mixture of the models would give each. `exact` says whose draws are the posterior's.

## Who is wrong where

A total hides where a model fails. Below, by how many houses of the county there were to learn from. In counties with five or fewer
boosting falls behind, and its intervals hold the fewest houses although they are the widest; where there are many houses all four agree."""),
    ("code", """houses.errors(by="size", factor="county")[["rows", "rmse", "log_score", "log_score_diff", "log_score_dse", "coverage_90", "width_90"]].round(3)"""),
    ("code", "bd.plot.errors(houses, by=\"size\", factor=\"county\")"),
    ("md", """If a model knows where it is unsure, the houses it is surest of have the smaller errors, and its line falls as the least certain
predictions are left out, from left to right. None does so steadily: nearly all the uncertainty is that of single houses, the same
everywhere, and the rest is too little to tell good predictions from bad ones."""),
    ("code", "bd.plot.selective(houses)"),
    ("md", """## Calibration

Of all central intervals that claim 50 %, 80 %, …, how many held the house? Below the diagonal is overconfident; all four are on it or a
little above."""),
    ("code", "bd.plot.calibration(houses)"),
    ("md", """## New counties

The same question of whole counties: they are left out, the models refitted, and the effect of a new county comes from the distribution of
counties."""),
    ("code", """counties = bd.compare(fits, target="groups", by="county", k=min(3, FOLDS), seed=1, progress=False)
counties.table[["elpd", "elpd_diff", "dse", "weight", "rmse", "crps", "coverage_90", "width_90"]].round(3)"""),
    ("md", """Boosting, which can learn a county only by its label, loses most. The multilevel model loses nothing: its intervals become a little
wider, by what counties differ. It is ahead of the point net by about two standard errors, of the Bayesian net by less.

## The page

Everything above, with convergence, priors, effects, checks and how to reproduce it, in one file that opens anywhere."""),
    ("code", """from pathlib import Path
from tempfile import TemporaryDirectory

with TemporaryDirectory() as folder:
    page = Path(folder) / "radon.html"
    houses.report(page)
    print(f"{page.name}: {page.stat().st_size / 1e6:.1f} MB")"""),
]

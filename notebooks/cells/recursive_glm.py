"""From a generalised linear model to a deep net, layer by layer."""

from .settings import SETTINGS

CELLS = [
    ("md", """# A neural network is a GLM, again and again

A generalised linear model has a linear predictor and an inverse link: `mu = g⁻¹(intercept + x · beta)`. A neural network does the same
to its inputs, calls the results *units*, and does it again to those. Three things follow, and this notebook shows them:

1. **activations are inverse links**, so one list serves both;
2. **a network without hidden layers is the GLM**, and depth is added a layer at a time;
3. **a penalty is a prior**: weight decay is a normal distribution on the weights, and maximum likelihood is a flat one."""),
    ("code", "import matplotlib.pyplot as plt\nimport numpy as np\nimport pandas as pd\n\nimport bayesdeep as bd\n\n" + SETTINGS + "\nNET = {**SETTINGS, \"draws\": SETTINGS[\"draws\"] // 4, \"tune\": SETTINGS[\"tune\"] // 4}"),
    ("md", "## Activations are inverse links"),
    ("code", """from bayesdeep.core.links import LINKS

eta = np.linspace(-3, 3, 121)
figure, axis = plt.subplots(figsize=(7, 3.5))
for name in ("identity", "logit", "probit", "cloglog", "tanh", "relu", "softplus"):
    axis.plot(eta, np.broadcast_to(getattr(LINKS[name].inverse(eta), "eval", lambda: eta)(), eta.shape), label=name)
axis.set(xlabel="linear predictor", ylabel="inverse link = activation", ylim=(-1.6, 3))
axis.legend(fontsize=8, ncols=2);"""),
    ("md", """## No hidden layer: the GLM itself

A curve with noise, and a first try with a straight line, once as a GLM and once as a network that has no hidden layer. (The network's
prior is on standardised inputs.) The two agree as far as two samples of one posterior can."""),
    ("code", """rng = np.random.default_rng(1)
x = np.sort(rng.uniform(-3, 3, 120))
curve = lambda x: np.sin(1.5 * x) + 0.3 * x
data = pd.DataFrame({"x": x, "y": curve(x) + rng.normal(0, 0.25, x.size)})

line = bd.Model("y ~ x", data).fit(**SETTINGS)
none = bd.Model("y ~ net(x, hidden=[], orthogonal=False)", data).fit("nuts", **NET)
grid = pd.DataFrame({"x": np.linspace(-4, 4, 81)})
pd.DataFrame({"y ~ x": line.predict(grid, kind="mean")["mean"], "net without hidden layer": none.predict(grid, kind="mean")["mean"]}
             ).iloc[::20].round(2)"""),
    ("md", """## A layer at a time

With two units the function can bend twice; with more it follows the curve. Every weight has a posterior, so every function comes with
a band, and the band opens where there are no data (beyond ±3)."""),
    ("code", """widths = {units: bd.Model(f"y ~ net(x, hidden=[{units}])", data).fit("nuts", **NET) for units in (2, 4, 16)}
figure, axes = plt.subplots(1, 3, figsize=(10, 3), sharey=True)
for axis, (units, fit) in zip(axes, widths.items()):
    band = fit.predict(grid, kind="mean", interval=0.9)
    axis.plot(data["x"], data["y"], ".", color="0.7", markersize=3)
    axis.plot(grid["x"], band["mean"])
    axis.fill_between(grid["x"], band["lower"], band["upper"], alpha=0.3)
    axis.set(title=f"{units} units", xlabel="x", ylim=(-2.5, 2.5))
axes[0].set_ylabel("y");"""),
    ("code", """comparison = bd.compare({f"{units} units": fit for units, fit in widths.items()} | {"line": line}, refits=True, progress=False)
comparison.table[["elpd", "elpd_diff", "dse", "p", "coverage_90"]].round(2)"""),
    ("md", """More units do not overfit: the prior keeps what the data do not ask for small. Whether the chains agree is judged on the function;
the weights themselves permute and never will."""),
    ("code", "widths[16].diagnose()"),
    ("md", """## A penalty is a prior

Without a hidden layer the most probable weights can be written down: ridge regression, whose penalty is
`lambda = sigma² / s²` for weights with the prior Normal(0, s²). Training the network with its default penalty finds the same number."""),
    ("code", """priors = {"net(x)_sigma": "HalfNormal(1)"}
sigma = 0.9  # known here, so that no rows have to be held out to learn it
straight = bd.Model("y ~ net(x, hidden=[], prior='normal', orthogonal=False)", data, priors=priors, sigma=bd.known(sigma))
trained = straight.fit("sgd", held_out=0.0, epochs=1500, batch_size=len(data), seed=1, progress=False).posterior
s = float(trained["net(x)_sigma"].squeeze())
z = (data["x"] - data["x"].mean()) / data["x"].std(ddof=0)
ridge = (z * (data["y"] - data["y"].mean())).sum() / ((z**2).sum() + sigma**2 / s**2)
print(f"slope: trained {float(trained['net(x)_w1'].squeeze()):.4f}, ridge {ridge / data['x'].std(ddof=0):.4f}")"""),
    ("md", """`penalty=False` takes the prior away: maximum likelihood. On 25 rows a network of 50 units then follows the noise; with its
penalty it does not."""),
    ("code", """small = data.sample(25, random_state=3).sort_values("x")
rest = data.drop(small.index)
scores = {}
for name, penalty in (("maximum likelihood", False), ("with the prior", True)):
    net = bd.Model("y ~ net(x, hidden=[50])", small).fit("sgd", penalty=penalty, seed=2, progress=False)
    scores[name] = {"fitted rows": net.log_score(small), "other rows": net.log_score(rest)}
whole = bd.Model("y ~ net(x, hidden=[50])", small).fit("nuts", **NET)
scores["posterior"] = {"fitted rows": whole.log_score(small), "other rows": whole.log_score(rest)}
pd.DataFrame(scores).T.round(2)  # mean log predictive density a row, higher is better"""),
    ("md", """## Deep

A second hidden layer is one more linear predictor and one more link. `hidden=[8, 8]` is all there is to say."""),
    ("code", """deep = bd.Model("y ~ net(x, hidden=[8, 8])", data)
deep.priors"""),
]

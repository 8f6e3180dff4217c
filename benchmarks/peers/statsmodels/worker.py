"""statsmodels' MixedLM: a point estimate by restricted maximum likelihood, the floor of what any fit costs."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks._cards import indexed
from benchmarks._protocol import Answer, Clock, Job, load_modules, show, work

MOST_ROWS_CROSSED = 1000
"""Crossed and nested factors go through variance components with dense matrices."""


def load() -> None:
    """Import everything that fitting needs."""
    load_modules("statsmodels.api", "statsmodels.formula.api")


def fit(job: Job, frame: Any, design: Mapping[str, Any], clock: Clock) -> Any:
    """Fit from a data frame to the printed summary."""
    del frame
    import statsmodels.api as sm

    card = job.card
    factors = {tuple(factor) for factor, _, _ in card["groups"]}
    options: dict[str, Any] = {}
    with clock("build"):
        X = np.column_stack([np.ones(len(design["y"])), design["X"]])
        if len(factors) == 1:
            Z = np.column_stack([design[f"Z_{k}"] for k in range(len(card["groups"]))])
            model = sm.MixedLM(design["y"], X, design["codes_0"], exog_re=Z)
            if len(card["groups"]) > 1:
                # Which parameters are free: the diagonal of the covariance only.
                free = sm.regression.mixed_linear_model.MixedLMParams.from_components
                options["free"] = free(np.ones(X.shape[1]), np.eye(Z.shape[1]))
        else:
            model = _components(card, design, X)
    with clock("sampling"):
        result = model.fit(reml=True, **options)
    with clock("summary"):
        show(result.summary())
    return result, design


def _components(card: Mapping[str, Any], design: Mapping[str, Any], X: np.ndarray) -> Any:
    import statsmodels.api as sm
    from statsmodels.regression.mixed_linear_model import VCSpec

    if len(design["y"]) > MOST_ROWS_CROSSED:
        raise ValueError(f"statsmodels: crossed factors need dense matrices; {len(design['y'])} rows are too many")
    names, columns, matrices = [], [], []
    for k, (factor, _, _) in enumerate(card["groups"]):
        for i, (term, label) in enumerate(design[f"Z_{k}_names"]):
            name = indexed(f"{term}|{':'.join(factor)}_sigma", str(label) or None)
            indicator = np.eye(len(design[f"levels_{k}"]))[design[f"codes_{k}"]] * design[f"Z_{k}"][:, [i]]
            names.append(name)
            columns.append([[f"{name}_{g}" for g in range(indicator.shape[1])]])
            matrices.append([indicator])
    everyone = np.zeros(len(design["y"]), dtype=int)
    return sm.MixedLM(design["y"], X, everyone, exog_re=None, exog_vc=VCSpec(names, columns, matrices))


def answer(result: Any, card: Mapping[str, Any]) -> Answer:
    """Return the point estimates by common name."""
    found, design = result
    point = dict(zip(["Intercept", *map(str, design["X_names"])], map(float, found.fe_params), strict=True))
    point["sigma"] = float(np.sqrt(found.scale))
    if np.asarray(found.cov_re).size:
        cov, name = np.atleast_2d(np.asarray(found.cov_re)), ":".join(card["groups"][0][0])
        terms = [tuple(t) for k in range(len(card["groups"])) for t in design[f"Z_{k}_names"]]
        sd = np.sqrt(np.diag(cov))
        for i, (term, label) in enumerate(terms):
            point[indexed(f"{term}|{name}_sigma", str(label) or None)] = float(sd[i])
        if len(sd) == 2 and sd.min() > 0 and len(card["groups"]) == 1:
            point[f"{name}_corr[{terms[0][0]}, {terms[1][0]}]"] = float(cov[0, 1] / sd.prod())
    for name, variance in zip(found.model.exog_vc.names, np.atleast_1d(found.vcomp), strict=True):
        point[name] = float(np.sqrt(variance))
    return Answer(None, point, notes=["point estimate (REML)"])


if __name__ == "__main__":
    work(load, fit, answer)

"""One model fitted to several data sets, by one method and with as many draws of each."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayesdeep.core.errors import FitError
from bayesdeep.core.random import checked_seed, derive, fresh_seed
from bayesdeep.results.fitted import Fitted
from bayesdeep.results.imputed_fitted import ImputedFitted, pool
from bayesdeep.results.rows import Rows
from bayesdeep.spec.model_spec import ModelSpec

from .fit_spec import fit_spec
from .refit import recipe_of


def fit_imputed(
    spec: ModelSpec,
    each: Sequence[Rows],
    method: str = "auto",
    common: Mapping[str, int | None] | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    seed: int | None = None,
    device: str = "auto",
    progress: bool = True,
) -> ImputedFitted:
    """Return the model fitted to each data set, and the draws together; see :func:`~bayesdeep.inference.fit_spec.fit_spec`.

    Raises
    ------
    FitError
        For methods that give one point: points of several data sets are no draws of anything.
    """
    started = time.perf_counter()
    seed = checked_seed(seed, "fit")
    seed = fresh_seed() if seed is None else seed
    seeds = [derive(seed, f"data set {k}") for k in range(1, len(each) + 1)]

    def fitted(k: int, how: str, shared: Mapping[str, int | None] | None, own: Mapping[str, Any] | None) -> Fitted:
        try:
            found = fit_spec(spec, each[k], how, shared, own, seed=seeds[k], device=device, progress=progress)
        except FitError as error:
            raise type(error)(f"data set {k + 1}: {error}") if k else error from None
        if found.held.attrs["status"] == "interrupted":
            raise KeyboardInterrupt(f"fit was stopped at data set {k + 1} of {len(each)}; nothing is kept")
        return found

    first = fitted(0, method, common, options)
    if np.prod(first.sizes) == 1:
        raise FitError(
            f"fit: method '{first.held.attrs['method']}' gives one point, and points of several data sets are no draws from a "
            "posterior; take a method that draws, such as method='laplace', 'nuts' or 'auto'"
        )
    fits = [first, *(fitted(k, method, common, options) for k in range(1, len(each)))]
    model = _most_careful(fits)
    if any(_kind(fit) != _kind(model) for fit in fits):
        # Equal shares of the data sets need as many draws of each, and one verdict needs one method.
        shared, own = recipe_of(model)
        how = str(model.held.attrs["method"])
        fits = [fit if _kind(fit) == _kind(model) else fitted(k, how, shared, own) for k, fit in enumerate(fits)]
    why = f"{model.explain_choice}; {len(each)} data sets, each fitted and of the same share in the draws"
    return pool(fits, seed, time.perf_counter() - started, why)


def _kind(fit: Fitted) -> tuple[str, tuple[int, int]]:
    return str(fit.held.attrs["method"]), fit.sizes


def _most_careful(fits: Sequence[Fitted]) -> Fitted:
    """Return a fit by the method that all get: the one fallen back to where another was in doubt, else the commonest."""
    fallen = next((fit for fit in fits if "tried" in fit.held.attrs), None)
    if fallen is not None:
        return fallen
    most, _ = Counter(map(_kind, fits)).most_common(1)[0]
    return next(fit for fit in fits if _kind(fit) == most)

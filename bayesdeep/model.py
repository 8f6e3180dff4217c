"""A model: formula, data, family and priors, checked against each other; the one place that knows all the stages."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from bayesdeep.core import arguments
from bayesdeep.core.errors import FormulaError
from bayesdeep.core.lazy import xr
from bayesdeep.core.priors import Known
from bayesdeep.core.random import checked_seed, fresh_seed
from bayesdeep.core.records import Family
from bayesdeep.design.array_response import has_array_response
from bayesdeep.display import notebook
from bayesdeep.fit import Fit
from bayesdeep.formula.several import split_responses
from bayesdeep.inference.fit_spec import fit_spec
from bayesdeep.inference.specify import specify
from bayesdeep.results.rows import TrainingRows, rows_in_memory
from bayesdeep.spec.model_spec import ModelSpec

if TYPE_CHECKING:
    import pymc
    from matplotlib.figure import Figure

    from bayesdeep.cards import Card
    from bayesdeep.graph.build import Graph


def known(value: str | float) -> Known:
    """Return a parameter as given instead of estimated: ``sigma=bd.known("se")`` a column, ``bd.known(1.0)`` a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise FormulaError(f"known: {value!r} is neither a column's name nor a number")
    return Known(value if isinstance(value, str) else float(value))


class Model:
    """A Bayesian regression model, ready to be fitted. It does not change once it is made.

    Parameters
    ----------
    formula
        Such as ``"y ~ x + (1 + x | g)"``. Several in a list, or ``"mvbind(y1, y2) ~ x"``, make a :class:`bayesdeep.JointModel`.
        So does an array column on the left, ``"y ~ x"`` of arrays ``y (obs, k)``: every number of a row is a response, ``y_1``,
        …, or ``y_`` and the label that an ``xarray.Dataset`` has for it.
    data
        A pandas, polars or pyarrow table, a dict of columns, or an ``xarray.Dataset`` whose first dimension is ``obs``. A
        column may hold an array a row (an image, a series): arrays ``(obs, …)``, or lists of one length. For normal responses
        also data larger than memory: a path or glob of Parquet or CSV files (``"data/*.parquet"``), a polars LazyFrame or a
        pyarrow data set. They are read once, block by block, and only sums are kept: by group, and by pair of groups of two
        factors. Such a model is fitted with ``collapsed``; prediction and scoring take rows as ``data=…``. Columns are those
        of the formula that can be made row by row: numbers, categories, ``I()``, ``log``, ``exp``, ``sqrt``, ``abs``, ``C()``
        and their products; not ``scale()``, ``cut()``, ``poly()`` and the like, which see all rows before they change one.
        A list of tables, multiple imputations of one, makes a :class:`bayesdeep.ImputedModel`.
    family
        Name of the response distribution, or the record of one of your own, which is registered (:func:`bayesdeep.register`).
    link
        Link of the main parameter (of a mixture: of every component), or links by parameter; None for the family's default.
    priors
        Priors by posterior name, as text (``"Normal(0, 1)"``) or ``bd.priors.Normal(0, 1)``. ``Intercept`` is the
        intercept at the predictors' means, ``Intercept_raw`` the uncentred one. ``"population"``, or names joined by
        commas, give several coefficients one prior.
    missing
        ``"error"`` counts missing values by column and refuses; ``"drop"`` leaves those rows out and says so.
    arrays
        Matrices that formulas name, by name: ``arrays={"A": table}`` for ``(1 | gr(g, cov=A))``, ``arrays={"W": table}`` for
        ``car(g, W)``. A labelled square table, such as a pandas data frame whose index and columns are the levels of ``g``;
        labels are matched by what they read. A covariance is used as it is, not scaled to a correlation matrix; an adjacency has
        1, or a positive weight, where two levels are neighbours.
    nonlinear
        Formulas of the parameters of a non-linear formula, by name. The right side is then arithmetic of numbers, columns and
        parameters, with ``+ - * / **`` and functions of one number:
        ``bd.Model("y ~ a * (1 - exp(-t / b))", data, nonlinear={"a": "~ 1 + (1 | g)", "b": "~ 1"}, priors={"a_Intercept":
        "Normal(200, 50)", "b_Intercept": "LogNormal(1, 1)"})``. The expression is the predictor that the family's link takes; a
        parameter is what its formula adds up to, and what has to be positive is written as ``exp(b)`` or gets a prior that is.
        Priors of the parameters' intercepts have to be given; other defaults follow from how wide these are.
    parameter_formulas
        Formulas of other parameters (``sigma="~ x + (1 | g)"``), or known values (``sigma=bd.known("se")``). By the name of an sd
        of groups, ``**{"1|g_sigma": "~ z"}`` beside ``(1 | g)``, a formula of its logarithm: a sum of columns that are the same
        in all rows of a group. A new group has the sd that its rows say.

    Raises
    ------
    BayesdeepError
        When formula, data, family and priors do not fit together; the text says where and what would be right.
    """

    def __new__(cls, formula: Any = None, *args: Any, **options: Any) -> Model:
        """Return a model; a :class:`bayesdeep.JointModel` of several responses, of several tables an ``ImputedModel``."""
        if isinstance(args[0] if args else options.get("data"), list | tuple):
            from bayesdeep.imputed_model import ImputedModel

            imputed: Any = ImputedModel(formula, *args, **options)
            return cast("Model", imputed)
        several = split_responses(formula) if isinstance(formula, str) else formula
        if isinstance(formula, str) and several is None and has_array_response(formula, args[0] if args else options.get("data")):
            several = (formula,)
        if isinstance(several, list | tuple):
            from bayesdeep.joint_model import JointModel

            joint: Any = JointModel(several, *args, **options)
            return cast("Model", joint)
        return super().__new__(cls)

    @arguments.checked("model", link=arguments.optional(arguments.either(arguments.text, Mapping)), missing=arguments.text)
    def __init__(
        self,
        formula: str,
        data: Any,
        family: str | Family = "gaussian",
        *,
        link: str | Mapping[str, str] | None = None,
        priors: Mapping[str, Any] | None = None,
        missing: str = "error",
        arrays: Mapping[str, Any] | None = None,
        nonlinear: Mapping[str, str] | None = None,
        **parameter_formulas: Any,
    ) -> None:
        made = specify(
            formula, data, family, link=link, priors=priors, missing=missing, parameters=parameter_formulas, arrays=arrays,
            nonlinear=nonlinear,
        )
        self.__dict__.update(_spec=made.spec, _rows=made.rows)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Model does not change; make another one instead of setting '{name}'")

    @classmethod
    @arguments.checked("card", path=arguments.path)
    def from_card(cls, path: str | Path) -> Model:
        """Return the model a card (TOML) describes."""
        from bayesdeep.cards import read_card

        return model_of_card(read_card(path))

    @arguments.checked("card", path=arguments.path, data=arguments.text, title=arguments.text, overwrite=arguments.flag)
    def to_card(self, path: str | Path, *, data: str = "data.csv", title: str = "", overwrite: bool = False) -> Path:
        """Write the model as a card, and its matrices as CSV files beside it.

        ``data`` is a data set's name or a CSV/Parquet path relative to the card.
        """
        from bayesdeep.cards import write_card

        return write_card(self.spec, path, data=data, title=title, overwrite=overwrite)

    @property
    def spec(self) -> ModelSpec:
        """Return the model as data."""
        return self.__dict__["_spec"]

    @property
    def rows(self) -> int:
        """Return the number of rows the model is fitted to."""
        return self.__dict__["_rows"].rows

    @property
    def priors(self) -> pd.DataFrame:
        """Return every prior as an explicit number, and where it came from."""
        table = [
            {"name": p.name, "prior": str(p.prior), "origin": p.origin, "reason": p.reason}
            for p in self.spec.priors
        ]
        return pd.DataFrame(table, columns=["name", "prior", "origin", "reason"]).set_index("name")

    @cached_property
    def _graph(self) -> Graph:
        return rows_in_memory(self.__dict__["_rows"], "model").graph(self.spec)

    @property
    def pymc(self) -> pymc.Model:
        """Return the ``pymc.Model``, with labelled dimensions; :meth:`from_pymc` makes a fit of what is drawn from it."""
        return self._graph.model

    @arguments.checked("from_pymc", method=arguments.text, seed=arguments.seed)
    def from_pymc(self, idata: Any, *, method: str = "nuts", seed: int | None = None) -> Fit:
        """Return a fit with draws that PyMC, or another sampler, made of :attr:`pymc`.

        Parameters
        ----------
        idata
            What ``pm.sample(model=model.pymc)`` returned: a ``DataTree`` with the group ``posterior``, all quantities of the
            model in it, and ``sample_stats`` where there are any. Labels are matched by what they read. Quantities that you
            added to the model stay in the posterior; what is only a means of sampling is left out.
        method
            The method here that the draws are as good as. It says whether they are the posterior's (``"nuts"``) or an
            approximation's (``"advi"``), and refits for scores are made with it.
        seed
            Of what is drawn later, such as predictions.

        Raises
        ------
        FitError
            Where a quantity is missing or has other dimensions, labels or rows than the model's.

        Examples
        --------
        >>> model = bd.Model("y ~ x + (1 | g)", data)
        >>> with model.pymc:
        ...     pm.Deterministic("ratio", model.pymc["x"] / model.pymc["sigma"])
        ...     idata = pm.sample()
        >>> fit = model.from_pymc(idata)
        >>> fit.loo()
        """
        from bayesdeep.inference.from_trace import fit_of_trace

        rows = rows_in_memory(self.__dict__["_rows"], "from_pymc")
        found = fit_of_trace(self.spec, rows, self._graph, idata, method, checked_seed(seed, "from_pymc"))
        return Fit(found.spec, copy(found.rows), found.held, found.explain_choice)

    def graph(self) -> Figure:
        """Return a picture of what depends on what, a matplotlib Figure."""
        from bayesdeep.plot.model_graph import model_graph

        return model_graph(self._graph, self.spec)

    @arguments.checked("prior_predictive", draws=arguments.size, seed=arguments.seed)
    def prior_predictive(self, draws: int = 500, seed: int | None = None) -> xr.DataTree:
        """Return draws from the prior and of responses under it: groups ``prior`` and ``prior_predictive``."""
        from bayesdeep.results.prior_draws import prior_tree

        seed = checked_seed(seed, "prior_predictive")
        rows = rows_in_memory(self.__dict__["_rows"], "prior_predictive")
        return prior_tree(self.spec, rows, draws, fresh_seed() if seed is None else seed)

    @arguments.checked("fit", method=arguments.text, seed=arguments.seed, device=arguments.text, progress=arguments.flag)
    def fit(
        self,
        method: str = "auto",
        *,
        draws: int | None = None,
        tune: int | None = None,
        chains: int | None = None,
        seed: int | None = None,
        device: str = "auto",
        progress: bool = True,
        **options: Any,
    ) -> Fit:
        """Fit the model.

        Parameters
        ----------
        method
            ``"auto"`` chooses and says why in ``fit.explain_choice``. By name: ``nuts``, ``collapsed``, ``gibbs``,
            ``advi``, ``fullrank_advi``, ``pathfinder``, ``laplace``, ``laplace_marginal``, ``map``; for networks also
            ``mclmc``, ``sgd``, ``ensemble``, ``dropout``.
        draws, tune, chains
            Draws kept a chain, draws a chain for tuning, number of chains. Where they are not given the method's own: 1000,
            1000 and 4; for networks up to 6 chains of fewer draws, each of them dearer.
        seed
            Makes everything reproducible; None draws one and keeps it in ``idata.attrs["seed"]``.
        device
            ``"auto"`` or ``"cpu"`` for compiled code on the CPU; ``"gpu"`` for JAX on a GPU, ``"jax"`` for JAX on whatever it
            has; a GPU needs the extra ``bayesdeep[gpu]``. ``collapsed`` and ``gibbs`` stay on the CPU, where they are faster.
            On a GPU sums may be added up in any order, so that one seed can give slightly different draws.
        progress
            Show a bar, if there is a terminal or notebook to show it in.
        options
            The method's own; one it does not know is an error.
        """
        common = {"draws": draws, "tune": tune, "chains": chains}
        found = fit_spec(
            self.spec, self.__dict__["_rows"], method, common, options, seed=seed, device=device, progress=progress
        )
        return Fit(found.spec, copy(found.rows), found.held, found.explain_choice)

    def __repr__(self) -> str:
        return f"Model of {self.rows:,} rows\n{self.spec}"

    def _repr_html_(self) -> str:
        return notebook.shown(notebook.code(str(self).split("\npriors")[0]), notebook.table(self.priors, rest="model.priors"))


def model_of(spec: ModelSpec, rows: TrainingRows) -> Model:
    """Return the model that a spec and its rows are."""
    made = Model.__new__(Model)
    made.__dict__.update(_spec=spec, _rows=rows)
    return made


def model_of_card(card: Card, data: Any = None) -> Model:
    """Return the model of a card on the card's data, or on other ones."""
    with card.named():
        card.check_parameters()
        return Model(
            card.formula,
            card.load_data() if data is None else data,
            card.family,
            link=card.link,
            priors=card.priors,
            missing=card.missing,
            arrays=card.load_arrays(),
            nonlinear=card.nonlinear or None,
            **dict[str, Any](card.parameters),
        )

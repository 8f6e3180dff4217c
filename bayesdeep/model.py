"""A model: formula, data, family and priors, checked against each other; the one place that knows all the stages."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bayesdeep.core import arguments
from bayesdeep.core.draws import Engine
from bayesdeep.core.errors import DataError, FitError, FormulaError, PriorError, nearest
from bayesdeep.core.lazy import xr
from bayesdeep.core.notices import warn
from bayesdeep.core.priors import Known
from bayesdeep.core.random import checked_seed, fresh_seed
from bayesdeep.core.records import Family
from bayesdeep.core.registry import FAMILIES
from bayesdeep.design.frame import read_frame
from bayesdeep.design.learn import learn_design
from bayesdeep.display import notebook
from bayesdeep.fit import Fit
from bayesdeep.formula.nodes import Parsed
from bayesdeep.formula.parser import parse
from bayesdeep.formula.problems import formula_of
from bayesdeep.inference.run import find_engine, run_engine, settings_of, variant_for, words_of
from bayesdeep.inference.select_engine import Choice, choose
from bayesdeep.results.rows import Rows, StreamedRows
from bayesdeep.spec.make import check_known, check_modifiers, make_spec, resolve_links
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.stream.learn_stream import learn_stream
from bayesdeep.stream.stream_source import open_source

MISSING = ("error", "drop")
DEVICES = ("auto", "cpu", "gpu", "jax")


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
        Such as ``"y ~ x + (1 + x | g)"``.
    data
        A pandas, polars or pyarrow table, or a dict of columns. For normal responses also data larger than memory: a path
        or glob of Parquet or CSV files (``"data/*.parquet"``), a polars LazyFrame or a pyarrow data set. They are read once,
        block by block, and only sums are kept: by group, and by pair of groups of two factors. Such a model is fitted with
        ``collapsed``; prediction and scoring take rows as ``data=…``. Columns are those of the formula that can be made row
        by row: numbers, categories, ``I()``, ``log``, ``exp``, ``sqrt``, ``abs``, ``C()`` and their products; not
        ``scale()``, ``center()``, ``poly()`` or ``bs()``, which see all rows before they change one.
    family
        Name of the response distribution.
    link
        Link of the main parameter, or links by parameter; None for the family's default.
    priors
        Priors by posterior name, as text (``"Normal(0, 1)"``) or ``bd.priors.Normal(0, 1)``. ``Intercept`` is the
        intercept at the predictors' means, ``Intercept_raw`` the uncentred one. ``"population"``, or names joined by
        commas, give several coefficients one prior.
    missing
        ``"error"`` counts missing values by column and refuses; ``"drop"`` leaves those rows out and says so.
    parameter_formulas
        Formulas of other parameters (``sigma="~ x + (1 | g)"``), or known values (``sigma=bd.known("se")``).

    Raises
    ------
    BayesdeepError
        When formula, data, family and priors do not fit together; the text says where and what would be right.
    """

    @arguments.checked("model", link=arguments.optional(arguments.either(arguments.text, Mapping)), missing=arguments.text)
    def __init__(
        self,
        formula: str,
        data: Any,
        family: str = "gaussian",
        *,
        link: str | Mapping[str, str] | None = None,
        priors: Mapping[str, Any] | None = None,
        missing: str = "error",
        **parameter_formulas: Any,
    ) -> None:
        if missing not in MISSING:
            raise DataError(f"data: unknown missing='{missing}'{nearest(missing, MISSING)}")
        record: Family = FAMILIES.find(family, "formula", FormulaError)
        texts, parsed, given = _formulas(formula, record, parameter_formulas)
        links = resolve_links(record, link, tuple(parsed))
        source = open_source(data)
        if source is not None:
            made = learn_stream(source, texts, parsed, record, links, given, _prior_dict(priors), missing)
            streamed = StreamedRows(made.rows, made.moments, made.centre, made.example)
            self._set(made.spec, streamed, made.notice, made.doubts)
            return
        design = learn_design(parsed, read_frame(data), given, missing)
        check_modifiers(record, design.response)
        response = record.code(design.response)
        chosen = _prior_dict(priors)
        check_known(record, given, design.arrays)
        spec = make_spec(design, texts, record, links, given, chosen, response, missing)
        rows = Rows(design.arrays, response, design.rows, True, design.index, columns=design.columns)
        self._set(spec, rows, design.notice, design.doubts)

    @classmethod
    def _from_parts(cls, spec: ModelSpec, rows: Rows) -> Model:
        made = cls.__new__(cls)
        made._set(spec, rows, "")
        return made

    def _set(self, spec: ModelSpec, rows: Rows, notice: str, doubts: tuple[str, ...] = ()) -> None:
        self.__dict__.update(_spec=spec, _rows=rows, _notice=notice)
        for text in (notice, *doubts):
            if text:
                warn(text)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Model does not change; make another one instead of setting '{name}'")

    @classmethod
    @arguments.checked("card", path=arguments.path)
    def from_card(cls, path: str | Path) -> Model:
        """Return the model a card (TOML) describes."""
        from bayesdeep.cards import read_card

        return read_card(path).model()

    @arguments.checked("card", path=arguments.path, data=arguments.text, title=arguments.text, overwrite=arguments.flag)
    def to_card(self, path: str | Path, *, data: str = "data.csv", title: str = "", overwrite: bool = False) -> Path:
        """Write the model as a card; ``data`` is a data set's name or a CSV/Parquet path relative to the card."""
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
    def _graph(self) -> Any:
        return self.__dict__["_rows"].graph(self.spec)

    @property
    def pymc(self) -> Any:
        """Return the ``pymc.Model``."""
        return self._graph.model

    def graph(self) -> Any:
        """Return a picture of what depends on what, a matplotlib Figure."""
        from bayesdeep.plot.model_graph import model_graph

        return model_graph(self._graph, self.spec)

    @arguments.checked("prior_predictive", draws=arguments.count, seed=arguments.seed)
    def prior_predictive(self, draws: int = 500, seed: int | None = None) -> xr.DataTree:
        """Return draws from the prior and of responses under it: groups ``prior`` and ``prior_predictive``."""
        from bayesdeep.results.prior_draws import prior_tree

        seed = checked_seed(seed, "prior_predictive")
        return prior_tree(self.spec, self.__dict__["_rows"], draws, fresh_seed() if seed is None else seed)

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
        given = {"draws": draws, "tune": tune, "chains": chains}
        common = {name: value for name, value in given.items() if value is not None}
        for name, value in common.items():
            _check_count(name, value, least=0 if name == "tune" else 1)
        if device not in DEVICES:
            raise FitError(f"fit: unknown device '{device}'{nearest(device, DEVICES)}")
        seed = checked_seed(seed, "fit")
        choice = Choice(method, f"{method}: asked for")
        if method == "auto":
            rows = self.__dict__["_rows"]
            arrays = None if isinstance(rows, StreamedRows) else rows.arrays
            choice = choose(self.spec, self.rows, common.get("chains"), arrays)
            if not common.keys() & {"draws", "tune"}:  # They go with the chains that auto plans, not with longer or shorter ones.
                options = {**choice.options, **options}
            common = {**choice.settings, **common}
        why = choice.why
        engine = variant_for(find_engine(choice.method), words_of(self.spec))
        settings_of(engine, common, options)
        tree = run_engine(
            self.spec,
            self.__dict__["_rows"],
            engine,
            common,
            options,
            fresh_seed() if seed is None else seed,
            progress,
            device,
        )
        if device in ("gpu", "jax"):
            why += _on_device(engine, device)
        tree.attrs["explain_choice"] = why
        return Fit(self.spec, copy(self.__dict__["_rows"]), tree, why)

    def __repr__(self) -> str:
        return f"Model of {self.rows:,} rows\n{self.spec}"

    def _repr_html_(self) -> str:
        return notebook.shown(notebook.code(str(self).split("\npriors")[0]), notebook.table(self.priors, rest="model.priors"))


def _on_device(engine: Engine, device: str) -> str:
    """Return what became of a device that was asked for."""
    if "batches" in engine.needs:
        return f"; device='{device}': networks are trained by JAX, on its default device"
    if engine.needs:
        return f"; device='{device}' is not used: what is left to explore is so small that the CPU is faster"
    return f"; device='{device}': the log density and its gradient are computed by JAX"


def _prior_dict(priors: Any) -> Mapping[str, Any]:
    if priors is not None and not isinstance(priors, Mapping):
        raise PriorError(f"prior: priors is {type(priors).__name__}; give a dict of priors by name")
    return priors or {}


def _check_count(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise FitError(f"fit: {name} is {value!r}; give a whole number, {least} or more")


def _formulas(
    formula: str, family: Family, others: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, Parsed], dict[str, Known]]:
    """Return texts and parsed formulas by parameter, the main one first, and the known parameters."""
    main = family.main.name
    parsed = {main: parse(formula)}
    texts, given = {main: formula}, {}
    names = [p.name for p in family.parameters]
    for name, value in others.items():
        parameter = family.parameter(name)
        if parameter is None:
            raise FormulaError(
                f"formula: family '{family.name}' has no parameter '{name}'{nearest(name, names)}"
            )
        if name == main:
            raise FormulaError(f"formula: '{name}' is what the formula itself models; write it there")
        if isinstance(value, Known):
            given[name] = value
        elif isinstance(value, str):
            if parameter.shape == "cut":
                raise FormulaError(f"formula: '{name}' of family '{family.name}' cannot have a formula")
            with formula_of(name):
                texts[name], parsed[name] = value, parse(value, response="none")
        else:
            raise FormulaError(
                f'formula: {name}={value!r} is neither a formula such as "~ x" nor bd.known(…)'
            )
    return texts, parsed, given

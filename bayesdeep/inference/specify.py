"""Formula, data, family and priors to a model as data, and its rows; everything is checked against everything here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesdeep.core.columns import Frame
from bayesdeep.core.errors import DataError, FormulaError, PriorError, close_to, nearest
from bayesdeep.core.notices import warn
from bayesdeep.core.priors import Known
from bayesdeep.core.records import Family, Response
from bayesdeep.core.registry import FAMILIES, TERMS
from bayesdeep.design.frame import column, read_frame
from bayesdeep.design.learn import Design, learn_design
from bayesdeep.design.matrices import read_matrices
from bayesdeep.design.training_data import InMemory
from bayesdeep.formula.expand import columns, matrices
from bayesdeep.formula.group_sds import is_group_sd, with_group_sds
from bayesdeep.formula.nodes import Call, Parsed
from bayesdeep.formula.parser import parse, parse_parameter
from bayesdeep.formula.problems import formula_of
from bayesdeep.formula.walk import every_node
from bayesdeep.graph.nonlinear_pilot import check_value
from bayesdeep.results.lagged_rows import with_lags
from bayesdeep.results.rows import Rows, StreamedRows, TrainingRows
from bayesdeep.spec.make import check_known, check_modifiers, make_spec, resolve_links
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.stream.learn_stream import learn_stream
from bayesdeep.stream.stream_source import open_source

from .nonlinear_formulas import forgotten, read_nonlinear, refuse_links
from .propriety import check_propriety
from .redundant_columns import redundant_columns

MISSING = ("error", "drop")
OPTIONS = ("formula", "data", "family", "link", "priors", "missing", "arrays", "nonlinear", "residual_correlation")
RESIDUALS = "residual_correlation=True is of several responses, bd.Model([…], data, residual_correlation=True)"
OPTIONS_ELSEWHERE = {
    "residual_correlation": RESIDUALS,
    "rescor": RESIDUALS,
    "set_rescor": RESIDUALS,
    "prior": "priors go by name, priors={…}",
    "weights": "weights are written in the formula, weighted(y, w) ~ …",
    "offset": "an offset is written in the formula, … + offset(x)",
    **dict.fromkeys(("seed", "draws", "tune", "chains", "method", "device"), "it is an option of fit()"),
}
"""What is written elsewhere: by what others call it, or where it was put, where it goes."""


@dataclass(frozen=True, eq=False)
class Specified:
    """A model that can be fitted.

    Attributes
    ----------
    spec
        The model as data.
    rows
        The rows it is to be fitted to.
    """

    spec: ModelSpec
    rows: TrainingRows


def specify(
    formula: str,
    data: Any,
    family: str | Family = "gaussian",
    *,
    link: str | Mapping[str, str] | None = None,
    priors: Any = None,
    missing: str = "error",
    parameters: Mapping[str, Any] | None = None,
    arrays: Any = None,
    nonlinear: Any = None,
) -> Specified:
    """Return the model of a formula and data; the arguments are those of :class:`bayesdeep.Model`.

    Warns
    -----
    UserWarning
        Of rows that were dropped, and of what looks like a mistake in the data.

    Raises
    ------
    BayesdeepError
        When formula, data, family and priors do not fit together.
    """
    if missing == "model":
        raise DataError(
            "data: missing='model' is of several responses, of which one is the column with missing values: "
            'bd.Model(["y ~ mi(x)", "x ~ z"], data, missing="model")'
        )
    if missing not in MISSING:
        raise DataError(f"data: unknown missing='{missing}'{nearest(missing, MISSING)}")
    record: Family = FAMILIES.find(family, "formula", FormulaError)
    with forgotten(formula, data, nonlinear):
        texts, parsed, given = _formulas(formula, record, parameters or {}, nonlinear)
    refuse_links(link, nonlinear or {})
    links = resolve_links(record, link, tuple(name for name in parsed if name not in (nonlinear or {})))
    tables = read_matrices(arrays, tuple(dict.fromkeys(named for p in parsed.values() for named in matrices(p))))
    source = open_source(data)
    if source is not None:
        if nonlinear:
            raise FormulaError(f"formula '{formula}': a non-linear formula has to see all rows, and they stay on disk")
        made = learn_stream(source, texts, parsed, record, links, given, _prior_dict(priors), missing)
        _tell(made.notice, *made.doubts)
        return Specified(made.spec, StreamedRows(made.rows, made.moments, made.centre, made.example))
    with forgotten(formula, data, nonlinear):
        frame = read_frame(data)
        _refuse_gaps(parsed, frame, f'as in bd.Model(["{formula}", "{{name}} ~ …"], data, missing="model")')
        design = learn_design(parsed, InMemory(frame, tables), given, missing)
    check_modifiers(record, design.response)
    rows = _rows(design, record.code(design.response))
    if record.learned is not None:
        record = record.learned(rows.response)
    chosen = _prior_dict(priors)
    check_known(record, given, design.arrays)
    spec = make_spec(design, texts, record, links, given, chosen, rows.response, missing)
    if spec.nonlinear:
        check_value(spec, design.arrays, design.rows)
    redundant = redundant_columns(spec, design.arrays, design.rows)
    _tell(design.notice, *design.doubts, *redundant, *check_propriety(spec, design.arrays, rows.response))
    return Specified(spec, with_lags(spec, rows))


def specify_one_of_several(
    formula: str,
    frame: Frame,
    present: np.ndarray | None,
    family: str | Family,
    *,
    link: str | Mapping[str, str] | None,
    priors: Mapping[str, Any],
    missing: str,
    parameters: Mapping[str, Any],
    arrays: Any,
) -> tuple[ModelSpec, Rows]:
    """Return the model of one of several responses, and the rows that have it.

    Everything but the response's own scale is learned from all rows, so that responses have their groups and codings in common.

    Parameters
    ----------
    frame
        The data, complete in all columns that are read; where the response is missing there is any of its values.
    present
        Which rows have the response ``(obs,)``; None for all.
    """
    record: Family = FAMILIES.find(family, "formula", FormulaError)
    texts, parsed, given = _formulas(formula, record, parameters, None)
    links = resolve_links(record, link, tuple(parsed))
    tables = read_matrices(arrays, tuple(dict.fromkeys(named for p in parsed.values() for named in matrices(p))))
    _refuse_gaps(parsed, frame, "in the formula of a response's main parameter")
    design = learn_design(parsed, InMemory(frame, tables), given, "error")
    check_modifiers(record, design.response)
    rows = _rows(design, record.code(design.response))
    rows = rows if present is None else rows.take(present)
    if record.learned is not None:
        record = record.learned(rows.response)
    check_known(record, given, design.arrays)
    spec = make_spec(design, texts, record, links, given, priors, rows.response, missing, one_of_several=True)
    redundant = redundant_columns(spec, rows.arrays, rows.rows)
    _tell(*design.doubts, *redundant, *check_propriety(spec, rows.arrays, rows.response))
    return spec, rows


def filling(parsed: Parsed) -> tuple[str, ...]:
    """Return the columns whose missing values a formula has as predictors."""
    every = (node for node in every_node(parsed.predictor) if isinstance(node, Call) and node.function in TERMS)
    calls = (call for call in every if (fills := TERMS[call.function].fills) is not None and fills.called)
    return tuple(dict.fromkeys(name for call in calls for name in columns(call)))


def _refuse_gaps(parsed: Mapping[str, Parsed], frame: Frame, right: str) -> None:
    """Refuse terms for missing values of a column where nothing says what these may be; ``right`` is where they can stand."""
    for tree in parsed.values():
        for name in filling(tree):
            if name in frame.columns and (gaps := column(frame, name, "data").missing) is not None:
                raise FormulaError(
                    f"formula '{tree.text}': mi({name}): '{name}' has {int(gaps.sum())} missing values, which a formula of its "
                    f"own has to say something of: write mi({name}) {right.replace('{name}', name)}"
                )


def _rows(design: Design, response: Response) -> Rows:
    return Rows(design.arrays, response, design.rows, True, design.index, columns=design.columns)


def _tell(*texts: str) -> None:
    for text in texts:
        if text:
            warn(text)


def _option_like(name: str) -> str:
    """Return what of a model's own options a name means that is no parameter's; nothing where there is no such."""
    if name in OPTIONS and name not in OPTIONS_ELSEWHERE:  # It went astray on another way, as in a card.
        return ""
    said = OPTIONS_ELSEWHERE.get(name, "") or close_to(name, (*OPTIONS, *OPTIONS_ELSEWHERE))
    return said if not said or said.startswith(";") else f"; {said}"


def _prior_dict(priors: Any) -> Mapping[str, Any]:
    if priors is not None and not isinstance(priors, Mapping):
        raise PriorError(f"prior: priors is {type(priors).__name__}; give a dict of priors by name")
    return priors or {}


def _formulas(
    formula: str, family: Family, others: Mapping[str, Any], nonlinear: Any
) -> tuple[dict[str, str], dict[str, Parsed], dict[str, Known]]:
    """Return texts and parsed formulas by parameter, the main one first, and the known parameters."""
    main = family.main.name
    own, unknown_texts, unknown_trees = read_nonlinear(formula, nonlinear, family)
    sds = {name: value for name, value in others.items() if is_group_sd(name)}
    parsed = {main: with_group_sds(own, sds, parse_parameter), **unknown_trees}
    texts, given = {main: formula, **unknown_texts, **sds}, {}
    for name, value in others.items():
        if name in sds:
            continue
        parameter = family.parameter(name)
        if parameter is None:
            raise family.lacks(name, _option_like(name))
        if name == main:
            raise FormulaError(f"formula: '{name}' is what the formula itself models; write it there")
        if isinstance(value, Known):
            if parameter.shape == "shares":
                raise FormulaError(f"formula: '{name}' of family '{family.name}' is several numbers; one cannot be given for it")
            given[name] = value
        elif isinstance(value, str):
            if parameter.is_vector:
                raise FormulaError(f"formula: '{name}' of family '{family.name}' cannot have a formula")
            with formula_of(name):
                texts[name], parsed[name] = value, parse(value, response="none")
        else:
            raise FormulaError(
                f'formula: {name}={value!r} is neither a formula such as "~ x" nor bd.known(…)'
            )
    for parameter in family.parameters:
        if parameter.follows and parameter.name not in texts and parameter.name not in given:
            text = f"~{texts[parameter.follows].partition('~')[2]}"
            with formula_of(parameter.name):
                texts[parameter.name], parsed[parameter.name] = text, parse(text, response="none")
    return texts, parsed, given

"""Formula, data, family and priors to a model as data, and its rows; everything is checked against everything here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bayesdeep.core.errors import DataError, FormulaError, PriorError, nearest
from bayesdeep.core.notices import warn
from bayesdeep.core.priors import Known
from bayesdeep.core.records import Family
from bayesdeep.core.registry import FAMILIES
from bayesdeep.design.frame import read_frame
from bayesdeep.design.learn import learn_design
from bayesdeep.design.matrices import read_matrices
from bayesdeep.design.training_data import InMemory
from bayesdeep.formula.expand import matrices
from bayesdeep.formula.nodes import Parsed
from bayesdeep.formula.parser import parse
from bayesdeep.formula.problems import formula_of
from bayesdeep.results.lagged_rows import with_lags
from bayesdeep.results.rows import Rows, StreamedRows, TrainingRows
from bayesdeep.spec.make import check_known, check_modifiers, make_spec, resolve_links
from bayesdeep.spec.model_spec import ModelSpec
from bayesdeep.stream.learn_stream import learn_stream
from bayesdeep.stream.stream_source import open_source

from .propriety import check_propriety

MISSING = ("error", "drop")


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
    if missing not in MISSING:
        raise DataError(f"data: unknown missing='{missing}'{nearest(missing, MISSING)}")
    record: Family = FAMILIES.find(family, "formula", FormulaError)
    texts, parsed, given = _formulas(formula, record, parameters or {})
    links = resolve_links(record, link, tuple(parsed))
    tables = read_matrices(arrays, tuple(dict.fromkeys(named for p in parsed.values() for named in matrices(p))))
    source = open_source(data)
    if source is not None:
        made = learn_stream(source, texts, parsed, record, links, given, _prior_dict(priors), missing)
        _tell(made.notice, *made.doubts)
        return Specified(made.spec, StreamedRows(made.rows, made.moments, made.centre, made.example))
    design = learn_design(parsed, InMemory(read_frame(data), tables), given, missing)
    check_modifiers(record, design.response)
    response = record.code(design.response)
    if record.learned is not None:
        record = record.learned(response)
    chosen = _prior_dict(priors)
    check_known(record, given, design.arrays)
    spec = make_spec(design, texts, record, links, given, chosen, response, missing)
    _tell(design.notice, *design.doubts, *check_propriety(spec, design.arrays, response))
    rows = Rows(design.arrays, response, design.rows, True, design.index, columns=design.columns)
    return Specified(spec, with_lags(spec, rows))


def _tell(*texts: str) -> None:
    for text in texts:
        if text:
            warn(text)


def _prior_dict(priors: Any) -> Mapping[str, Any]:
    if priors is not None and not isinstance(priors, Mapping):
        raise PriorError(f"prior: priors is {type(priors).__name__}; give a dict of priors by name")
    return priors or {}


def _formulas(
    formula: str, family: Family, others: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, Parsed], dict[str, Known]]:
    """Return texts and parsed formulas by parameter, the main one first, and the known parameters."""
    main = family.main.name
    parsed = {main: parse(formula)}
    texts, given = {main: formula}, {}
    for name, value in others.items():
        parameter = family.parameter(name)
        if parameter is None:
            raise family.lacks(name)
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
    return texts, parsed, given

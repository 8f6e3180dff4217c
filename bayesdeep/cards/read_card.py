"""Reading a card: text to a checked :class:`~bayesdeep.cards.Card`. Data are not read, PyMC is not imported."""

import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from bayesdeep.core.errors import CardError, nearest
from bayesdeep.core.priors import Known
from bayesdeep.core.random import whole_seed
from bayesdeep.core.registry import ENGINES, FAMILIES
from bayesdeep.formula.group_sds import is_group_sd

from .card import SHARED, Card
from .card_source import check_source

MAX_BYTES = 1_000_000
"""Bytes of a card at most."""
MAX_DOTS = 20
"""Dots outside strings in a line at most: the TOML reader's time and memory grow with their number squared."""

TEXTS = ("title", "formula", "family", "data", "about", "missing")
TABLES = ("priors", "parameters", "nonlinear", "arrays", "fit")
MISSING = ("error", "drop")
WHOLE: tuple[tuple[type, ...], str] = ((int,), "a whole number")
WANTED: dict[str, tuple[tuple[type, ...], str]] = {"method": ((str,), "text"), "device": ((str,), "text")}
WANTED |= {"draws": WHOLE, "tune": WHOLE, "chains": WHOLE, "seed": WHOLE}
"""Types of the values in ``[fit]``, and words for them; a method's own options may be anything simple."""
STRINGS = re.compile(
    r"""\"{3}(?:\\.?|[^\\])*?(?:\"{3,5}|\Z)|'{3}.*?(?:'{3,5}|\Z)"""
    r"""|\"(?:\\.|[^\"\\\n])*+\"?|'[^'\n]*+'?|\#[^\n]*+""",
    re.DOTALL,
)
"""Strings and comments. One without an end reaches to the end of the text or line, so that no search starts again."""


def read_card(path: str | Path) -> Card:
    """Return the card in a TOML file.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    CardError
        For a file that is no card: too large, not TOML, an unknown key (with the nearest name), a value of the wrong
        type, or data that a card may not name. Whether formula, priors and data fit together is the model's to say.
    """
    path = Path(path)
    where = f"card '{path}'"
    raw = _toml(path, where)
    _refuse_unknown(raw, (*TEXTS[:3], "link", *TEXTS[3:], *TABLES), where)
    texts = {key: _text(raw[key], key, where) for key in TEXTS if key in raw}
    for key in ("formula", "data"):
        if not texts.get(key, "").strip():
            raise CardError(f"{where}: {key} is missing")
    missing, family = texts.get("missing", "error"), texts.get("family", "gaussian")
    if missing not in MISSING:
        raise CardError(f"{where}: unknown missing '{missing}'{nearest(missing, MISSING)}")
    FAMILIES.find(family, where, CardError)
    check_source(texts["data"], where)
    tables = {key: _table(raw.get(key, {}), key, where) for key in TABLES}
    return Card(
        **texts,
        link=_link(raw.get("link"), where),
        priors={key: _text(value, f"priors.{key}", where) for key, value in tables["priors"].items()},
        parameters=_parameters(tables["parameters"], family, where),
        nonlinear={key: _text(value, f"nonlinear.{key}", where) for key, value in tables["nonlinear"].items()},
        arrays={key: _array(value, key, where) for key, value in tables["arrays"].items()},
        fit_options=_fit(tables["fit"], where),
        path=path,
    )


def _toml(path: Path, where: str) -> dict[str, Any]:
    if not path.is_file():
        raise CardError(f"{where}: there is no such file")
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CardError(f"{where}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise CardError(f"{where}: the file is larger than {MAX_BYTES:,} bytes; that is no card")
    try:
        text = content.decode("utf-8")
        bare = STRINGS.sub("", text)
        if max(line.count(".") for line in bare.split("\n")) > MAX_DOTS:
            raise CardError(f"{where}: has a key of more than {MAX_DOTS} parts; that is no card")
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise CardError(f"{where}: is not text (UTF-8); a card is a TOML file") from error
    except CardError:
        raise
    except (ValueError, RecursionError) as error:
        problem = "brackets in brackets, too deep" if isinstance(error, RecursionError) else error
        raise CardError(f"{where}: is not TOML: {problem}") from error


def _refuse_unknown(given: Iterable[str], known: Iterable[str], where: str, what: str = "key") -> None:
    known = tuple(known)
    for name in given:
        if name not in known:
            raise CardError(f"{where}: unknown {what} '{name[:60]}'{nearest(name[:60], known)}")


def _kind(value: Any) -> str:
    if isinstance(value, int | float) and not _finite(value):
        return "too large" if isinstance(value, int) else str(value)
    words = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
    return (words | {list: "a list", dict: "a table"}).get(type(value), "a date or time")


def _text(value: Any, key: str, where: str) -> str:
    if not isinstance(value, str):
        raise CardError(f"{where}: {key} is {_kind(value)}; it should be text in quotes")
    return value


def _array(value: Any, key: str, where: str) -> str:
    """Return the name of a matrix's file."""
    file = _text(value, f"arrays.{key}", where)
    if not file.lower().endswith(".csv"):
        raise CardError(f"{where}: arrays.{key} is '{file}'; it should be a CSV file with the labels in its first row and column")
    return check_source(file, where)


def _table(value: Any, key: str, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise CardError(f"{where}: {key} is {_kind(value)}; it should be a table, [{key}]")
    return value


def _link(value: Any, where: str) -> str | dict[str, str] | None:
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, dict):
        raise CardError(f"{where}: link is {_kind(value)}; it should be text, or a table of links by parameter")
    return {key: _text(entry, f"link.{key}", where) for key, entry in value.items()}


def _parameters(table: Mapping[str, Any], family: str, where: str) -> dict[str, str | Known]:
    own = [name for name in table if not is_group_sd(name)]
    _refuse_unknown(own, [p.name for p in FAMILIES[family].parameters], where, f"parameter of family '{family}'")
    return {name: _parameter(value, f"parameters.{name}", where) for name, value in table.items()}


def _parameter(value: Any, key: str, where: str) -> str | Known:
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        raise CardError(
            f'{where}: {key} is {_kind(value)}; it should be a formula "~ x", or {{known = …}}, a column or a number'
        )
    _refuse_unknown(value, ("known",), where, f"key of {key}")
    known = value.get("known")
    if isinstance(known, bool) or not isinstance(known, str | int | float) or not _finite(known):
        what = "missing" if known is None else _kind(known)
        raise CardError(f"{where}: {key}.known is {what}; it should be a column's name or a finite number")
    return Known(known if isinstance(known, str) else float(known))


def _finite(value: str | float) -> bool:
    """Return whether a value is text, a finite float or an integer of 64 bits, the most TOML promises."""
    return isinstance(value, str) or (abs(value) < 2**63 if isinstance(value, int) else math.isfinite(value))


def _fit(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the settings of a fit, their names checked against the method's options."""
    method = table.get("method", "auto")
    _text(method, "fit.method", where)
    if method != "auto" and method not in ENGINES:
        raise CardError(f"{where}: unknown method '{method}'{nearest(method, ('auto', *ENGINES))}")
    if not set(table) <= {"method", *SHARED}:
        engines = [ENGINES[name] for name in ENGINES if method in ("auto", name)]
        options = {f.name for engine in engines for f in fields(engine.settings)}
        _refuse_unknown(table, ("method", *SHARED, *sorted(options - set(SHARED))), where, "key of fit")
    for name, value in table.items():
        kinds, words = WANTED.get(name, ((str, bool, int, float), "a number, text, true or false"))
        if type(value) not in kinds or not _finite(value):
            raise CardError(f"{where}: fit.{name} is {_kind(value)}; it should be {words}")
    if "seed" in table:
        whole_seed(table["seed"], f"{where}: fit", CardError)
    return dict(table)

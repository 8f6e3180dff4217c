"""Writing a model as a card: only what a reader would not get by default."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from bayesdeep.core.errors import CardError
from bayesdeep.core.files import as_path, check_target, write_file
from bayesdeep.core.priors import PriorSpec
from bayesdeep.core.registry import FAMILIES
from bayesdeep.spec.model_spec import ModelSpec

from .card_source import check_source

BARE = re.compile(r"[A-Za-z0-9_-]+")


def write_card(
    spec: ModelSpec,
    path: str | Path,
    data: str,
    title: str = "",
    about: str = "",
    *,
    overwrite: bool = False,
) -> Path:
    """Write a card from which :func:`read_card` and the same data make an equal spec.

    Parameters
    ----------
    spec
        The model.
    path
        The file to write.
    data
        Name of an example data set, or of a CSV or Parquet file relative to the card.
    title, about
        A line, and a few sentences, for people.
    overwrite
        Replace a file that is there.

    Raises
    ------
    CardError
        For a file that is there, a folder that is not, or data that a card may not name.
    """
    path = as_path(path, "card", CardError)
    where = f"card '{path}'"
    check_source(data, where)
    try:
        content = card_text(spec, data, title, about).encode("utf-8")
    except UnicodeEncodeError as error:
        bad = error.object[error.start]
        raise CardError(f"{where}: UTF-8 cannot hold the character {bad!r} of a text") from None
    check_target(path, "card", CardError, overwrite=overwrite)
    return write_file(path, content, "card", CardError)


def card_text(spec: ModelSpec, data: str, title: str = "", about: str = "") -> str:
    """Return the text of a card."""
    return "\n".join([*_head(spec, data, title, about), *_priors(spec), *_parameters(spec), ""])


def _head(spec: ModelSpec, data: str, title: str, about: str) -> Iterator[str]:
    main = next(iter(spec.formulas))
    entries = {"title": title, "formula": spec.formulas[main], "family": spec.family, "data": data, "about": about}
    yield from (f"{key} = {quoted(text)}" for key, text in entries.items() if text)
    links = {name: link for name, link in spec.links.items() if link != _default_link(spec.family, name)}
    if set(links) == {main}:
        yield f"link = {quoted(links[main])}"
    elif links:
        yield f"link = {{ {', '.join(f'{_key(name)} = {quoted(link)}' for name, link in links.items())} }}"
    if spec.missing != "error":
        yield f"missing = {quoted(spec.missing)}"


def _default_link(family: str, name: str) -> str:
    return FAMILIES[family].parameter(name).links[0]


def _priors(spec: ModelSpec) -> Iterator[str]:
    given = {p.key: p.prior for p in spec.priors if p.origin == "user"}
    if given:
        yield from ("", "[priors]", *(f"{_key(key)} = {quoted(prior_text(prior))}" for key, prior in given.items()))


def _parameters(spec: ModelSpec) -> Iterator[str]:
    formulas = {_key(name): quoted(text) for name, text in list(spec.formulas.items())[1:]}
    known = {
        _key(name): f"{{ known = {quoted(k.value) if isinstance(k.value, str) else repr(float(k.value))} }}"
        for name, k in spec.known.items()
    }
    if formulas or known:
        yield from ("", "[parameters]", *(f"{key} = {value}" for key, value in (formulas | known).items()))


def prior_text(prior: PriorSpec) -> str:
    """Return the text that is read as exactly this prior; arguments by position as long as none is left out."""
    parts, by_name = [], False
    for name, value in prior.arguments:
        if value is None:
            by_name = True
            continue
        text = prior_text(value) if isinstance(value, PriorSpec) else _number(value)
        parts.append(f"{name}={text}" if by_name else text)
    return f"{prior.name}({', '.join(parts)})"


def _number(value: float) -> str:
    short = f"{value:.12g}"
    return short if float(short) == value else repr(float(value))


def quoted(text: str) -> str:
    """Return text as a TOML basic string; JSON's escapes are TOML's too, and TOML wants DEL escaped as well."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _key(name: str) -> str:
    return name if BARE.fullmatch(name) else quoted(name)

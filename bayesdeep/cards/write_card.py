"""Writing a model as a card: only what a reader would not get by default."""

from pathlib import Path
from typing import Any

from bayesdeep.core.errors import CardError
from bayesdeep.core.files import as_path, check_target, write_files
from bayesdeep.core.priors import PriorSpec
from bayesdeep.core.registry import FAMILIES
from bayesdeep.spec.declared import given_matrices
from bayesdeep.spec.model_spec import ModelSpec

from .card_source import check_source
from .labelled_table import file_of, table_bytes


def write_card(
    spec: ModelSpec,
    path: str | Path,
    data: str,
    title: str = "",
    about: str = "",
    *,
    overwrite: bool = False,
) -> Path:
    """Write a card from which :func:`read_card` and the same data make an equal spec; matrices are CSV files beside it.

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
    tables = {path.parent / file_of(name, where): table for name, table in given_matrices(spec).items()}
    try:
        content = card_text(spec, data, title, about).encode("utf-8")
    except UnicodeEncodeError as error:
        bad = error.object[error.start]
        raise CardError(f"{where}: UTF-8 cannot hold the character {bad!r} of a text") from None
    if path.parent / data in tables:
        raise CardError(f"{where}: '{data}' would be the file of a matrix as well; give the data another name")
    for one in (path, *tables):
        check_target(one, "card", CardError, overwrite=overwrite)
    files: dict[Path, list[bytes | memoryview]] = {path: [content]}
    write_files(files | {file: [table_bytes(table)] for file, table in tables.items()}, "card", CardError)
    return path


def card_text(spec: ModelSpec, data: str, title: str = "", about: str = "") -> str:
    """Return the text of a card."""
    import tomli_w

    main, *others = spec.formulas
    entries = {"title": title, "formula": spec.formulas[main], "family": spec.family, "data": data, "about": about}
    card: dict[str, Any] = {key: text for key, text in entries.items() if text}
    links = {name: link for name, link in spec.links.items() if link != FAMILIES[spec.family].parameter(name).links[0]}
    if links:
        card["link"] = links[main] if set(links) == {main} else links
    if spec.missing != "error":
        card["missing"] = spec.missing
    if priors := {p.key: prior_text(p.prior) for p in spec.priors if p.origin == "user"}:
        card["priors"] = priors
    known = {name: {"known": k.value if isinstance(k.value, str) else float(k.value)} for name, k in spec.known.items()}
    if nonlinear := {name: spec.formulas[name] for name in spec.nonlinear}:
        card["nonlinear"] = nonlinear
    if parameters := {name: spec.formulas[name] for name in others if name not in spec.nonlinear} | known:
        card["parameters"] = parameters
    if tables := given_matrices(spec):
        card["arrays"] = {name: file_of(name, "card") for name in tables}
    return tomli_w.dumps(card)


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

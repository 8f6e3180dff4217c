"""Records as JSON by the names of their fields, and back.

Writing takes a few lines and no library, for every fit does it; reading is msgspec's, which holds each value against the type
that the record declares. What a file says can only become one of the records asked for: names are never looked up in it.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from bayesdeep.core.columns import Json


def to_json(value: object) -> Json:
    """Return a record as dicts, lists, texts and numbers; what is a list already is taken to be JSON."""
    if is_dataclass(value):
        return {f.name: to_json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_json(part) for key, part in value.items()}
    return [to_json(part) for part in value] if isinstance(value, tuple) else value


def from_json[Record](data: Json, kind: type[Record]) -> Record:
    """Return the record that :func:`to_json` was given.

    Raises
    ------
    ValueError
        For a value that has not its field's type, a field that is missing, or one that there is not; it says where.
    """
    import msgspec

    try:
        found = msgspec.convert(data, kind)
        other = _other(data, to_json(found), "$")
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if other is not None:
        raise ValueError(other)
    return found


def _other(given: Json, read: Json, where: str) -> str | None:
    """Return the first field that was given and not read, or the other way about; values themselves have been checked."""
    if given is read:
        return None
    if isinstance(given, dict) and isinstance(read, dict):
        if given.keys() != read.keys():
            name = min(given.keys() ^ read.keys(), key=str)
            return f"{where} {'has an unknown' if name in given else 'lacks the'} field '{name}'"
        parts = [(given[key], read[key], f"{where}.{key}") for key in given]
    elif isinstance(given, list | tuple) and isinstance(read, list):
        parts = [(one, two, f"{where}[{k}]") for k, (one, two) in enumerate(zip(given, read, strict=True))]
    else:
        return None
    return next((found for part in parts if (found := _other(*part)) is not None), None)

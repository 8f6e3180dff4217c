"""Example data sets: small ones bundled as facts, larger ones through the optional extra ``data``.

``list_datasets`` and ``load_dataset`` (``_load``) give pandas tables with typed columns (``_frame``); what is known of
each, its source and its columns, is a TOML file (``_index``) that ``describe_dataset`` shows.
"""

from ._index import ColumnInfo, DatasetInfo, describe_dataset
from ._load import list_datasets, load_dataset

__all__ = ["ColumnInfo", "DatasetInfo", "describe_dataset", "list_datasets", "load_dataset"]

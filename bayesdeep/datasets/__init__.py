"""Example data sets: small ones bundled as facts, larger ones through the optional extra ``data``."""

from ._index import ColumnInfo, DatasetInfo, describe_dataset
from ._load import list_datasets, load_dataset

__all__ = ["ColumnInfo", "DatasetInfo", "describe_dataset", "list_datasets", "load_dataset"]

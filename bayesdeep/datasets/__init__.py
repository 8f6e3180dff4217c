"""Example data sets: small ones bundled as facts, larger ones through the optional extra ``data``."""

from bayesdeep.datasets._index import ColumnInfo, DatasetInfo, describe_dataset
from bayesdeep.datasets._load import list_datasets, load_dataset

__all__ = ["ColumnInfo", "DatasetInfo", "describe_dataset", "list_datasets", "load_dataset"]

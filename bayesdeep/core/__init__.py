"""Contracts, records and registries. Imports nothing else of this package, and no PyMC at import time."""

"""See ``worker.py``."""

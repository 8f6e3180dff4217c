"""Warnings to users, shown where they called us however deep inside the package the trouble was found."""

import warnings
from pathlib import Path

OURS = (str(Path(__file__).parents[1]),)


def warn(text: str) -> None:
    """Warn a user."""
    warnings.warn(text, UserWarning, skip_file_prefixes=OURS)

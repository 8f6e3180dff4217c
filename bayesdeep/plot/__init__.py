"""Pictures that ArviZ does not draw; each function returns a matplotlib ``Figure`` to restyle or save.

None of them touches pyplot or its global state. Save with ``figure.savefig("name.svg")``.
"""

from .budget import budget
from .calibration import calibration
from .curve import curve
from .errors import errors
from .forest import elpd_differences, forest
from .groups import group_effects
from .network import network
from .predictive import predictive_check
from .ranks import ranks
from .selective import selective
from .shrinkage import shrinkage

__all__ = [
    "budget",
    "calibration",
    "curve",
    "elpd_differences",
    "errors",
    "forest",
    "group_effects",
    "network",
    "predictive_check",
    "ranks",
    "selective",
    "shrinkage",
]

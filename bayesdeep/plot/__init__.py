"""Pictures that ArviZ does not draw; each function returns a matplotlib ``Figure`` to restyle or save.

None of them touches pyplot or its global state. Save with ``figure.savefig("name.svg")``.
"""

from .budget_bars import budget
from .calibration_plot import calibration
from .curve_plot import curve
from .error_regions import errors
from .forest import elpd_differences, forest
from .group_effects import group_effects
from .network_plot import network
from .predictive_plot import predictive_check
from .rank_plot import ranks
from .selective import selective
from .shrinkage_plot import shrinkage
from .smooth_plot import smooth, smooths
from .training_plot import training

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
    "smooth",
    "smooths",
    "training",
]

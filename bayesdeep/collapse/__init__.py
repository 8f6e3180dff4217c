"""Models whose coefficients can be integrated out: which they are, their sufficient statistics, and the way back."""

from .applies import why_not
from .linear_layout import Layout, layout_of
from .moments import add, centre_of, moments_of
from .naming import posterior_arrays
from .system import SystemTarget, system_of

__all__ = ["Layout", "SystemTarget", "add", "centre_of", "layout_of", "moments_of", "posterior_arrays", "system_of", "why_not"]

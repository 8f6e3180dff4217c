"""A step of Hamiltonian dynamics beside a standard normal density, in place and in one pass over memory."""

import numpy as np

from .lane_loops import addresses, lane_loops


def turn(z: np.ndarray, p: np.ndarray, angle: float, kick: float = 0.0, gradient: np.ndarray | None = None) -> None:
    """Turn position and momentum by an angle, after ``p += kick * (gradient + z)`` where there is a gradient; in place.

    All arrays are contiguous and of one shape.
    """
    c, s = np.cos(angle), np.sin(angle)
    library = lane_loops()
    if library is not None and all(a.flags.c_contiguous for a in (z, p, gradient) if a is not None):
        library.bayesdeep_turn(z.size, *addresses(np.array([c, s, kick]), gradient, z, p))
        return
    if gradient is not None:
        p += kick * (gradient + z)
    z[:], p[:] = c * z + s * p, c * p - s * z

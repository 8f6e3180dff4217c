"""Effective sample sizes from autocorrelations, for many series at once.

References
----------
Geyer (1992), Practical Markov chain Monte Carlo, Statistical Science 7(4), https://doi.org/10.1214/ss/1177011137
(initial monotone sequence); Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), Bayesian Analysis 16(2),
https://doi.org/10.1214/20-BA1221, section 3.2 (several chains).
"""

import numpy as np
from scipy.fft import next_fast_len

CHAIN_BY_CHAIN = 128
"""Chains up to this length are transformed back one by one, in ArviZ's order of operations.

In a short series, or one of two values, a sum of two autocorrelations can be exactly zero, and Geyer's rule then hangs on
the last bit: only the same operations give the same number. Averaging spectra first is nearly twice as fast.
"""


def effective_sizes(series: np.ndarray) -> np.ndarray:
    """Return the number of independent draws that know the mean as well: ``chains * draws / tau``.

    ``tau = 1 + 2 * sum of autocorrelations``, cut off by Geyer's initial positive sequence, made monotone, and not
    below ``1 / log10(chains * draws)``.

    Parameters
    ----------
    series
        ``(scalar, chain, draw)``, floats, at least two draws. Chains are taken as they are: split them before.

    Returns
    -------
    numpy.ndarray
        ``(scalar,)``. A series that does not move (by 1e-15 or more) counts in full; one with values that are not
        finite is NaN.
    """
    scalars, chains, draws = series.shape
    total = chains * draws
    flat = series.reshape(scalars, total)
    still = flat.max(axis=1) - flat.min(axis=1) < np.finfo(float).resolution
    means = series.mean(axis=2)
    covariance = autocovariance(series - means[:, :, None])
    within = covariance[:, 0] * draws / (draws - 1.0)
    variance = within * (draws - 1.0) / draws
    if chains > 1:
        variance = variance + means.var(axis=1, ddof=1)
    rho = 1.0 - (within[:, None] - covariance) / variance[:, None]
    rho[:, 0] = 1.0
    tau = np.maximum(_geyer(rho), 1 / np.log10(total))
    return np.where(still, float(total), total / tau)


def autocovariance(centred: np.ndarray) -> np.ndarray:
    """Return autocovariances ``(scalar, lag)``, averaged over the chains of ``(scalar, chain, draw)`` with means zero."""
    draws = centred.shape[2]
    length = next_fast_len(2 * draws, real=True)
    spectrum = np.fft.rfft(centred, n=length, axis=2)
    if draws <= CHAIN_BY_CHAIN:
        spectrum *= np.conjugate(spectrum)
        by_chain = np.fft.irfft(spectrum, n=length, axis=2)[..., :draws] / draws
        return np.ascontiguousarray(by_chain.swapaxes(1, 2)).mean(axis=2)
    parts = spectrum.view(float)
    parts *= parts
    power = parts.mean(axis=1)
    return np.fft.irfft(power[:, ::2] + power[:, 1::2], n=length, axis=1)[:, :draws] / draws


def _geyer(rho: np.ndarray) -> np.ndarray:
    """Return ``1 + 2 * sum`` of autocorrelations ``(scalar, lag)`` by Geyer's initial monotone sequence."""
    draws = rho.shape[1]
    pairs = rho[:, : 2 * (draws // 2)].reshape(len(rho), -1, 2)
    sums = pairs.sum(axis=2)
    most = max(0, (draws - 3) // 2)
    ended = ~(sums[:, :most] > 0.0)
    last = np.where(ended.any(axis=1), ended.argmax(axis=1), most) if most else np.zeros(len(rho), dtype=int)
    rows = np.arange(len(rho))
    kept = np.arange(sums.shape[1]) < last[:, None]
    body = np.where(kept, np.minimum.accumulate(sums, axis=1), 0.0).sum(axis=1)
    # The pair that ends the sequence counts half: its even part, if that or the pair is not negative.
    even = pairs[rows, last, 0]
    even = np.where((even > 0) | (sums[rows, last] >= 0), even, 0.0)
    return np.where(np.isnan(rho[:, 1]), np.nan, -1.0 + 2.0 * body + even)

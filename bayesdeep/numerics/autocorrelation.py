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

FEW_LAGS = 64
"""Lags looked at first; most chains need no more."""


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
    tau, cut = _geyer(covariance[:, :FEW_LAGS], within, variance, draws)
    if cut.any():
        tau, _ = _geyer(covariance, within, variance, draws)
    return np.where(still, float(total), total / np.maximum(tau, 1 / np.log10(total)))


def autocovariance(centred: np.ndarray) -> np.ndarray:
    """Return autocovariances ``(scalar, lag)``, averaged over the chains of ``(scalar, chain, draw)`` with means zero."""
    draws = centred.shape[2]
    length = next_fast_len(2 * draws, real=True)
    spectrum = np.fft.rfft(centred, n=length, axis=2)
    if draws <= CHAIN_BY_CHAIN:
        spectrum *= np.conjugate(spectrum)
        by_chain = np.fft.irfft(spectrum, n=length, axis=2)[..., :draws] / draws
        return np.ascontiguousarray(by_chain.swapaxes(1, 2)).mean(axis=2)
    parts = np.ascontiguousarray(spectrum).view(float)
    parts *= parts
    power = parts.mean(axis=1)
    return np.fft.irfft(power[:, ::2] + power[:, 1::2], n=length, axis=1)[:, :draws] / draws


def _geyer(
    covariance: np.ndarray, within: np.ndarray, variance: np.ndarray, draws: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return ``1 + 2 * sum`` of autocorrelations by Geyer's initial monotone sequence, and whether lags were missing.

    ``covariance`` is ``(scalar, lag)``, the first lags of ``draws``; the variances are ``(scalar,)``.
    """
    lags = covariance.shape[1]
    rho = 1.0 - (within[:, None] - covariance) / variance[:, None]
    rho[:, 0] = 1.0
    even, odd = rho[:, : lags - lags % 2 : 2], rho[:, 1::2]
    sums = even + odd
    allowed = max(0, (draws - 3) // 2)
    most = min(allowed, sums.shape[1] - 1)
    ended = np.ones(sums.shape[0], dtype=bool)
    last = np.full(len(rho), most)
    if most:
        ends = ~(sums[:, :most] > 0.0)
        ended = ends.any(axis=1)
        last = np.where(ended, ends.argmax(axis=1), most)
    rows = np.arange(len(rho))
    kept = np.arange(sums.shape[1]) < last[:, None]
    body = np.where(kept, np.minimum.accumulate(sums, axis=1), 0.0).sum(axis=1)
    # The pair that ends the sequence counts half: its even part, if that or the pair is not negative.
    part = even[rows, last]
    part = np.where((part > 0) | (sums[rows, last] >= 0), part, 0.0)
    tau = np.where(np.isnan(rho[:, 1]), np.nan, -1.0 + 2.0 * body + part)
    return tau, ~ended & (most < allowed)

"""Slope and expected information of rows by their predictor, on arrays, for the pilot fit before sampling."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesdeep.core.records import Response

MIN_INFORMATION = 1e-6
"""Information a row has at the least, so that Newton steps stay finite."""
Found = tuple[np.ndarray, np.ndarray] | None


def of_successes(eta: np.ndarray, response: Response, link: str, known: Mapping[str, Any]) -> Found:
    """Return those of successes in trials, one each without any, under the logit link: ``y - n p`` and ``n p (1 - p)``."""
    del known
    if link != "logit":
        return None
    trials = 1.0 if response.trials is None else np.asarray(response.trials, dtype=np.float64)
    p = 1.0 / (1.0 + np.exp(-np.clip(eta, -30, 30)))
    return response.value - trials * p, trials * np.maximum(p * (1 - p), MIN_INFORMATION)


def of_counts(eta: np.ndarray, response: Response, link: str, known: Mapping[str, Any]) -> Found:
    """Return those of Poisson counts under the log link: ``y - mu`` and ``mu``."""
    del known
    if link != "log":
        return None
    mu = np.exp(np.clip(eta, -30, 30))
    return response.value - mu, np.maximum(mu, MIN_INFORMATION)


def of_overdispersed_counts(eta: np.ndarray, response: Response, link: str, known: Mapping[str, Any]) -> Found:
    """Return those of counts with variance ``mu + mu² / alpha`` under the log link, ``alpha`` by the method of moments."""
    del known
    if link != "log":
        return None
    y, mu = np.asarray(response.value, dtype=np.float64), np.exp(np.clip(eta, -30, 30))
    beyond = float(((y - mu) ** 2 - mu).sum() / (mu**2).sum())
    inflation = 1.0 + mu * float(np.clip(beyond, 1e-4, 10.0))
    return (y - mu) / inflation, np.maximum(mu / inflation, MIN_INFORMATION)


def of_normal(eta: np.ndarray, response: Response, link: str, known: Mapping[str, Any]) -> Found:
    """Return those of a normal with known ``sigma`` under the identity link."""
    if link != "identity" or "sigma" not in known:
        return None
    certain = np.broadcast_to(1.0 / np.asarray(known["sigma"], dtype=np.float64) ** 2, eta.shape)
    return certain * (response.value - eta), certain

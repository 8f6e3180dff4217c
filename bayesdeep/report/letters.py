"""The letters that mathematics has for parameters."""

GREEK = {"mu": "μ", "sigma": "σ", "nu": "ν", "alpha": "α", "kappa": "κ", "lam": "λ"}


def letter_of(name: str) -> str:
    """Return a parameter's letter; its name where it has none."""
    return GREEK.get(name, name)

"""Packages that only some of this one needs."""

from importlib.util import find_spec


def require(module: str, package: str, extra: str, where: str) -> None:
    """Raise an ImportError that says what to install, unless ``module`` can be imported.

    Parameters
    ----------
    module
        As in ``import``: ``"sklearn"``.
    package
        As it is installed: ``"scikit-learn"``.
    extra
        The extra of this package that brings it.
    where
        What needs it; begins the text.
    """
    if find_spec(module) is None:
        raise ImportError(f"{where}: needs {package}, which is not installed; pip install 'bayesdeep[{extra}]'")

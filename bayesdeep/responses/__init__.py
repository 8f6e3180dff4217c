"""Functions on the left of ``~``, one file each; a file defines ``RESPONSE``.

They read several columns as one response, or say how it was observed: ``prop``, ``c`` and ``cbind`` (counts, shares),
``censored``, ``truncated``, ``weighted``. :mod:`bayesdeep.core.columns` is the contract.
"""

"""Response distributions, one file each: the file's name is the family's, and it defines ``FAMILY``.

A family codes a response, has parameters with links and default priors, one ``rv`` from which log likelihood and
predictive draws are taken, and its mean and variance; :mod:`bayesdeep.core.records` documents every field. Files that
begin with ``_`` have parts that several share.
"""

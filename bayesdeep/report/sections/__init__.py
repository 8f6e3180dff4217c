"""The sections of a report, one file each; a file that defines ``SECTION`` joins by being here.

A section says when it applies, where it stands and which blocks it has (:mod:`bayesdeep.report.section`). From the top:
``verdict``, ``data``, ``models``, then estimates (``effects``, ``groups``, ``shrinkage``, ``networks``), predictions,
checks, and how to ``reproduce`` it all.
"""

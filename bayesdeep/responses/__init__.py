"""Functions on the left of ``~``, one file each; a file defines ``RESPONSE``."""

"""Functions of columns in a formula, one file each; a file defines ``TRANSFORM``."""

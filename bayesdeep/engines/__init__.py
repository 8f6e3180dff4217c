"""Methods that turn a target into draws, one file each; files that begin with ``_`` are their helpers."""

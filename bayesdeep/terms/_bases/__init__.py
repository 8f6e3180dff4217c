"""The bases a smooth can have: one file each, whose name is what ``bs=`` calls it and which defines ``BASIS``."""

"""Response distributions, one file each: the file's name is the family's, and it defines ``FAMILY``."""

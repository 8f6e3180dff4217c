"""The text and code of each notebook, a file each."""

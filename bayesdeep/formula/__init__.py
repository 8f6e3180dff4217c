"""Text to nodes. Knows the words of the language; sees no data."""

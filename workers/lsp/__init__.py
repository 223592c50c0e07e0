"""Language servers of a directory: what runs, what they know of its files."""

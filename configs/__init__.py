"""Settings to start from, as files."""

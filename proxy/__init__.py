"""The filtering proxy: the only way out of sessions whose network policy is an allow list."""

"""A server under mixed work for long, and whether anything of it grows: ``python -m benchmarks.soak``."""

"""oad: many coding-agent sessions on one host, each in its own process tree and sandbox."""

__version__ = "0.1.0"

# The version of the reference server whose API oad speaks; clients see it in health answers and session records.
API_VERSION = "1.18.33"

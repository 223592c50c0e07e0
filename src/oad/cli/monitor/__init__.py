"""What runs on a server, since when, and what it takes: ``oad top``, ``oad ps`` and ``oad logs``."""

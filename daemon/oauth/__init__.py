"""Logging in to providers of models by OAuth: the daemon carries it out, because it keeps the secrets."""

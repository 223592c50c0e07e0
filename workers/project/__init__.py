"""The worker of a directory: what clients ask about it when no session is concerned."""

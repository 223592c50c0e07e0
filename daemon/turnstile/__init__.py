"""How much runs at a time: who may begin a turn, who waits, and who is refused."""

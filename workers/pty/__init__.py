"""The worker of one terminal: its program, what that writes, and who looks at it."""

"""Sessions as files: written for other servers and for people, read, checked, and taken in under ids that are free."""

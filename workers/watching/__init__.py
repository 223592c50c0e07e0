"""What changes in a directory, for the clients that listen to it."""

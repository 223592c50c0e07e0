"""What the daemon counts and measures of itself and of everything that it keeps."""

"""The operations that the daemon answers itself, one file per resource; all others are a worker's."""

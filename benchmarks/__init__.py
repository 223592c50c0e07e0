"""What oad's promises about speed and size are worth here and now, against the reference server in the same run."""

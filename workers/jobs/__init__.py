"""What commands left running: its records, its output, its end."""

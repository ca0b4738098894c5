"""Acts as root on the shared volume: makes, checks, limits and closes directories."""

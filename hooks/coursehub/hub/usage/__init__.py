"""What homes and courses take on the disk."""

"""What /hub/metrics says of coursehub."""

"""What the `coursehub` command asks the running hub, through `kubectl exec`."""

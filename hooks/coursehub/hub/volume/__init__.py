"""The shared volume as the hub sees it, and the provisioner that it asks."""

"""The shared volume, which the hub never mounts: whom it asks to make and to look at what is there."""

"""Measurements: what this project claims of its speed, beside plain z2jh on the same cluster and image, in one run."""

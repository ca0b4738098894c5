"""Copies the hub's database before the hub starts."""

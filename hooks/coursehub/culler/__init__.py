"""Stops servers whose time is over, in a pod of its own."""

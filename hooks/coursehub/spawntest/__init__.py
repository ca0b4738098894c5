"""Starts a server as a person would and says whether it works, in a pod of its own."""

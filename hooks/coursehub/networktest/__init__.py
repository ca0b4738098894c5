"""Says whether this cluster enforces the network policies of servers, in a pod that they take for a server."""

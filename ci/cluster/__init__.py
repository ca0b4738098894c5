"""A real single-node Kubernetes on this machine, for trying and testing: `python3 -m ci.cluster up`."""

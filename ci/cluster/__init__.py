"""A real Kubernetes of one node or two on this machine, for trying and testing: `python3 -m ci.cluster up`."""

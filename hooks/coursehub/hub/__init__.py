"""The hub's process: what JupyterHub and KubeSpawner call, and what follows beside them."""

"""coursehub: courses from one file, servers with real uids, on zero-to-jupyterhub.

The data goes one way: `courses` and `settings` are loaded, `identity` makes a person of a username, `access` decides,
`plan` says everything that the pod will be, `spawner` sets it on KubeSpawner, `gate` holds the finished pod against it.
"""

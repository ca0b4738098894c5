"""coursehub: courses from one file, servers with real uids, on zero-to-jupyterhub.

Where things are, the lowest floor first; each imports only from below (`make check` holds that):

    this folder   what all may use: errors, names, person, layout (the tree on the volume), protocol (its doors), ...
    storage/      acts as root on the shared volume; imports this folder only
    config/       what people write: course files and the site's values; pure
    people/       who somebody is: uid, gid and groups from the site's directory
    servers/      what a server may be: access, plan, manifest, gate; pure
    live/         what is in force now: the files, followed while they are used, last good kept
    culler/       a pod of its own: stops servers whose time is over
    networktest/  a pod of its own: says whether the cluster enforces network policies
    spawntest/    a pod of its own: starts a server as a person would
    backup/       copies the hub's database before the hub starts
    hub/          the hub's process; `hub.configure.configure(c)` is its only door
    cli/          the `coursehub` command; nothing imports it but `service`, the old name of one of its verbs

The data goes one way: files -> `config.catalog`, `config.settings` -> `servers.access` -> `servers.plan` ->
`hub.hooks` -> KubeSpawner -> `servers.gate`.
"""

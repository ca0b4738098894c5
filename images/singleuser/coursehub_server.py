"""JupyterHub's server for one person, as it is, with what it needs later imported later.

`coursehub-start` runs it in place of `python3 -m jupyterhub.singleuser`.
"""

import coursehub_later


def main() -> None:
    """Runs until the server ends."""
    coursehub_later.wait()
    from jupyterhub.singleuser import main as serve

    serve()


if __name__ == "__main__":
    main()

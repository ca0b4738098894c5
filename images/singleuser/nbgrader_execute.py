"""nbgrader's execution of a submission, whose kernel does not get what is its server's."""

import os
from typing import Any

from nbgrader.preprocessors import Execute


class ExecuteApart(Execute):  # type: ignore[misc] # nbgrader is untyped
    """Executes as nbgrader does; JupyterHub's variables, with the server's token, are not in the environment."""

    def start_new_kernel(self, **more: Any) -> None:
        """Starts the kernel of one submission."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTERHUB_", "JPY_"))}
        super().start_new_kernel(env=own, **more)

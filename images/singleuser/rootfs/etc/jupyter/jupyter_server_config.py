"""What holds for every role. Which extensions a role gets is in /opt/coursehub/config/<role>."""

import os
from pathlib import Path

from coursehub_home import take

take(Path(os.environ.get("HOME", "/")))

c = get_config()  # noqa: F821  (Jupyter gives it)

c.ServerApp.root_dir = "/"
c.FileContentsManager.preferred_dir = os.environ.get("HOME", "/").lstrip("/")

# A wastebasket is in the home too, so what is thrown into it frees nothing, and a full home takes nothing more.
c.FileContentsManager.delete_to_trash = False
c.FileContentsManager.always_delete_dir = True

c.ServerApp.contents_manager_class = "coursehub_contents.Contents"

# A full home must not keep a server from starting.
c.NotebookNotary.db_file = "/run/coursehub/data/nbsignatures.db"
c.NotebookNotary.secret_file = "/run/coursehub/data/notebook_secret"  # noqa: S105

# Nothing here calls out: no news, no look for updates, no list of packages to install.
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"

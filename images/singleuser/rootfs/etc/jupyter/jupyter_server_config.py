"""What holds for every role. Which extensions a role gets is in /opt/coursehub/config/<role>."""

import os
from pathlib import Path

from coursehub_home import take
from coursehub_personal import take_over
from coursehub_process import NOWHERE, home, withdraw

take(Path(home()))

c = get_config()  # noqa: F821  (Jupyter gives it)

c.HubAuth.api_token = withdraw()
c.ServerApp.cookie_secret = os.urandom(32)

c.ServerApp.root_dir = "/"
c.FileContentsManager.preferred_dir = home().lstrip("/")
c.LabServerApp.user_settings_dir = f"{home()}/.jupyter/lab/user-settings"
c.LabServerApp.workspaces_dir = f"{home()}/.jupyter/lab/workspaces"
c.ServerApp.config_manager_class = "coursehub_personal.Settings"
c.TerminalsExtensionApp.terminal_manager_class = "coursehub_personal.Terminals"
c.ServerApp.kernel_spec_manager_class = "coursehub_personal.Kernels"
take_over()

# nbgrader changes the working directory for a while when it looks at assignments.
c.TemplateExporter.extra_template_basedirs = [NOWHERE]

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

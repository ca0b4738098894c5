"""What of the server is its person's own, and begins in their home: kernels, terminals, links, front ends' settings."""

import os
from importlib.metadata import EntryPoint
from typing import Any

from coursehub_process import NOWHERE, home
from coursehub_trust import IS_GRADING
from jupyter_client import kernelspec
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner
from jupyter_core.paths import jupyter_config_path, jupyter_path
from jupyter_server.services.config import ConfigManager
from jupyter_server_terminals.terminalmanager import TerminalManager
from terminado.management import PtyWithClients
from traitlets import default


class Links:
    """Finds the files that are meant with ~."""

    def resolve_path(self, path: str) -> str | None:
        """As Jupyter does, from the person's home."""
        meant = home() + path[1:] if path.startswith("~/") else path
        found: str | None = super().resolve_path(meant)  # type: ignore[misc]
        return found


class Kernel(Links, LocalProvisioner):  # type: ignore[misc] # jupyter_client is untyped here
    """Starts kernels as Jupyter does, of every kind and whoever in the server asks for them."""

    async def pre_launch(self, **more: Any) -> dict[str, Any]:
        """What the kernel is started with; in the home where no other folder is asked for."""
        own = {"cwd": home(), **more, "env": {**more.get("env", os.environ), "HOME": home()}}
        launch: dict[str, Any] = await super().pre_launch(**own)
        return launch


class Kernels(kernelspec.KernelSpecManager):  # type: ignore[misc] # jupyter_client is untyped here
    """Knows the image's kernels and the person's own, which take no name of the image's.

    In *grading*, code that was graded could have left one. Of what else lies beside an own kernel, as pictures, the
    server gives out nothing.
    """

    @default("kernel_dirs")
    def _of_the_image_and_ones_own(self) -> list[str]:
        return [*jupyter_path("kernels"), *([] if IS_GRADING else [_own_kernels()])]

    def get_kernel_spec(self, kernel_name: str) -> Any:
        """The kernel of this name; NoSuchKernel where there is none."""
        spec = super().get_kernel_spec(kernel_name)
        if _is_own(spec.resource_dir):
            spec.argv = [each.replace("{resource_dir}", spec.resource_dir) for each in spec.argv]
            spec.resource_dir = NOWHERE
        return spec

    def get_all_specs(self) -> dict[str, Any]:
        """What front ends are told of each kernel."""
        found: dict[str, Any] = super().get_all_specs()
        return {
            name: {**each, "resource_dir": NOWHERE} if _is_own(each["resource_dir"]) else each
            for name, each in found.items()
        }


class Terminals(TerminalManager):  # type: ignore[misc] # jupyter_server_terminals is untyped here
    """Starts terminals as Jupyter does."""

    def new_terminal(self, **options: Any) -> PtyWithClients:
        """A terminal, in the home where no other folder is asked for."""
        return super().new_terminal(**{"cwd": home(), **options})

    def make_term_env(self, **options: Any) -> dict[str, str]:
        """What the terminal is started with."""
        return {**super().make_term_env(**options), "HOME": home()}


class Settings(ConfigManager):  # type: ignore[misc] # jupyter_server is untyped
    """Keeps what front ends save where Jupyter keeps it."""

    @default("write_config_dir")
    def _own(self) -> str:
        return f"{home()}/.jupyter/{self.config_dir_name}"

    @default("read_config_path")
    def _all(self) -> list[str]:
        return [self.write_config_dir, *(f"{path}/{self.config_dir_name}" for path in jupyter_config_path())]


def _own_kernels() -> str:
    return f"{home()}/.local/share/jupyter/kernels"


def _is_own(folder: str) -> bool:
    return folder.startswith(_own_kernels())


def take_over() -> None:
    """Whatever in this process starts a kernel does it with these."""
    kernelspec.KernelSpecManager = Kernels
    factory = KernelProvisionerFactory.instance()
    name = "local-provisioner"
    factory.provisioners[name] = EntryPoint(name, f"{__name__}:{Kernel.__name__}", factory.GROUP_NAME)

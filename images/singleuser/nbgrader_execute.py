"""nbgrader's execution of a submission: its kernel does not get what is its server's, and prints within bounds."""

import os
import re
from typing import Any

from nbgrader.preprocessors import Execute
from nbgrader_output import OUTPUTS, Room
from traitlets import Integer

MISSING = "ModuleNotFoundError"
# The variables with the server's token, and with the address of a gradebook.
NOT_ITS = ("JUPYTERHUB_", "JPY_", "COURSEHUB_GRADEBOOK")
NOT_HERE = (
    "%s of %s: %d cells ended in %s, for %s. What a student installs goes into their own home, which is not here; "
    "grade by hand, or ask your admins for an image that has it."
)


class ExecuteApart(Execute):  # type: ignore[misc] # nbgrader is untyped
    """Executes as nbgrader does; what is the server's is not in the environment."""

    startup_timeout = Integer(180, help="Seconds for a kernel to answer, where many grade on few processors").tag(
        config=True
    )

    def start_new_kernel(self, **more: Any) -> None:
        """Starts the kernel of one submission."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(NOT_ITS)}
        super().start_new_kernel(env=own, **more)

    def preprocess(self, nb: Any, resources: Any = None, km: Any = None) -> tuple[Any, Any]:
        """Executes all cells, and warns of modules that are not here: their cells look like wrong answers."""
        done: tuple[Any, Any] = super().preprocess(nb, resources, km)
        warn_of_missing(nb, resources, self.log)
        return done

    def preprocess_cell(self, cell: Any, resources: Any, index: int) -> tuple[Any, Any]:
        """Executes one cell."""
        self.room = room(self.config)
        done: tuple[Any, Any] = super().preprocess_cell(cell, resources, index)
        return done

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        """Takes in what the kernel says of one cell."""
        if self.room and msg["msg_type"] in OUTPUTS:
            content = self.room.kept(msg["msg_type"], msg["content"])
            if content is None:
                return None
            msg = {**msg, "content": content}
        return super().process_message(msg, cell, cell_index)

    def on_cell_executed(self, **more: Any) -> None:
        """Adds an error that the kernel did not show."""
        reply = more["execute_reply"]
        if self.room and reply["content"]["status"] == "error":
            more["execute_reply"] = {**reply, "content": self.room.kept("error", reply["content"])}
        super().on_cell_executed(**more)


def room(config: Any) -> Room | None:
    """What a cell may print as the course's settings say; None where they set no bound."""
    lines = config.LimitOutput.get("max_lines", 1000)
    return Room(lines) if lines >= 0 else None


def warn_of_missing(nb: Any, resources: Any, log: Any) -> None:
    """Names the modules that cells of an executed notebook did not find."""
    errors = [
        output.evalue
        for cell in nb.cells
        for output in cell.get("outputs", ())
        if output.output_type == "error" and output.ename == MISSING
    ]
    if errors:
        names = sorted({_module(error) for error in errors})
        whose = resources["nbgrader"]
        log.warning(NOT_HERE, whose["notebook"], whose["student"], len(errors), MISSING, ", ".join(names[:10]))


def _module(error: str) -> str:
    found = re.search(r"No module named '?([\w.]+)", error)
    return repr((found[1] if found else error)[:100])

"""nbgrader's submit, which hands in all or nothing, to the course alone, and nothing that would not be collected.

What the folder holds is held against the rules of nbgrader_rules.py before anything is copied, so that a student reads
at once, and not days later, what an instructor would have to refuse.
"""

import os
import secrets
import shlex
import stat
from contextlib import suppress
from pathlib import Path
from stat import S_IRWXG, S_IRWXU

import nbgrader_times
from coursehub_carry import LIST, opened
from coursehub_files import OS, SHUTIL, open_file
from coursehub_places import Refused as Linked
from nbgrader.exchange.default import ExchangeSubmit
from nbgrader.utils import ignore_patterns
from nbgrader_due import span
from nbgrader_receipt import ADDED, Receipt, look, room
from nbgrader_rules import Budget, Refused, check_depth, check_kind, check_name, is_ignored
from nbgrader_told import Told
from nbgrader_whole import replacing, told


class Submit(ExchangeSubmit):  # type: ignore[misc] # nbgrader is untyped
    """Submits as nbgrader does, for the course's instructors alone."""

    def copy_files(self) -> None:
        """Raises ExchangeError with a sentence for the student where anything is in the way; nothing is left then."""
        self.init_release()
        self.check_filename_diff()
        cached = os.path.join(self.cache_path, self.assignment_filename)
        if self.add_random_string:
            cached = cached.rsplit("+", 1)[0]
        self.log.info("Source: %s", self.src_path)
        try:
            self._check()
            secret = secrets.token_hex(64)
            OS.makedirs(self.cache_path, exist_ok=True)
            # Without its copy at home, no feedback would find its way back.
            receipt = self._keep(cached, secret)
            try:
                self._hand_in(cached)
            except BaseException:
                SHUTIL.rmtree(cached, ignore_errors=True)
                raise
        except (Refused, Linked) as refusal:
            self.fail(f"Nothing was submitted. {str(refusal)[0].upper()}{str(refusal)[1:]}")
        except OSError as error:
            self.fail(f"Nothing was submitted {told(error)}")
        self._say(receipt)

    def _check(self) -> None:
        """Raises Refused where the folder holds what is not to be collected; a link counts as what it leads to."""
        budget = Budget(1000 * self.coursedir.max_dir_size, files=len(ADDED))
        folder = Path(self.src_path)
        self._check_link(folder, folder.name)
        sizes: dict[str, int] = {}
        self._measure(folder, budget, sizes)
        try:
            budget.take(size=sum(sizes.values()) + room([*sizes]))
        except Refused as refusal:
            largest = max(sizes, key=lambda name: sizes[name])
            raise Refused(f"{refusal}; {largest!r} has {sizes[largest] / 1_000_000:.0f} MB") from None

    def _measure(self, folder: Path, budget: Budget, sizes: dict[str, int], within: str = "", deep: int = 1) -> None:
        """Fills in the size of each file."""
        check_depth(deep, within)
        for name in sorted(os.listdir(folder)):
            if is_ignored(name, self.coursedir.ignore):
                continue
            budget.take(files=1, within=within)
            check_name(name)
            path, called = folder / name, f"{within}{name}"
            self._check_link(path, called)
            found = path.stat()
            check_kind(called, found.st_mode)
            if not os.access(path, os.R_OK | (os.X_OK if stat.S_ISDIR(found.st_mode) else 0)):
                raise Refused(f"{called!r} in it is closed to yourself; chmod u+rwX opens it")
            if not stat.S_ISDIR(found.st_mode):
                sizes[called] = found.st_size
            elif called in ADDED:
                raise Refused(f"{called!r} in it is a folder, and nbgrader writes a file of that name; rename it")
            else:
                self._measure(path, budget, sizes, f"{called}/", deep + 1)

    def _check_link(self, path: Path, called: str) -> None:
        if not path.is_symlink():
            return
        home, target = os.path.realpath(self.assignment_dir), os.path.realpath(path)
        if not path.exists():
            raise Refused(f"{called!r} in it is a link to something that is not there; delete it")
        if not target.startswith(home.rstrip("/") + "/"):
            raise Refused(
                f"{called!r} in it is a link out of your home, to {target!r}; delete it, and read that itself"
            )

    def _keep(self, destination: str, secret: str) -> Receipt:
        """A copy for the home, with what is added to it."""
        ignore = ignore_patterns(exclude=self.coursedir.ignore, include=self.coursedir.include, log=self.log)
        with replacing(destination) as made:
            SHUTIL.copytree(self.src_path, made, ignore=ignore)
            OS.chmod(made, S_IRWXU)
            for name in ADDED:
                with suppress(FileNotFoundError):
                    OS.unlink(os.path.join(made, name))
            with opened(made, LIST) as folder:
                files = look(folder, 1000 * self.coursedir.max_dir_size).files
            student = self.assignment_filename.partition("+")[0]
            course, assignment = self.coursedir.course_id, self.coursedir.assignment_id
            receipt = Receipt(course, assignment, student, self.timestamp, files)
            for name, text in zip(ADDED, (self.timestamp, secret, receipt.dumped()), strict=True):
                with open_file(os.path.join(made, name), "w") as writing:
                    writing.write(text)
            self.set_perms(made, fileperms=0o644, dirperms=0o755)
            OS.chmod(made, S_IRWXU)
        return receipt

    def _hand_in(self, kept: str) -> None:
        with replacing(os.path.join(self.inbound_path, self.assignment_filename)) as made:
            SHUTIL.copytree(kept, made)
            # nbgrader opens it to everybody who knows its name. Its group in the exchange, by setgid, is the course's.
            OS.chmod(made, S_IRWXU | S_IRWXG)

    def _say(self, receipt: Receipt) -> None:
        course, assignment = receipt.course, receipt.assignment
        self.log.info("Submitted as: %s %s %s", course, assignment, self.timestamp)
        submitted = nbgrader_times.stamped(receipt.submitted)
        due = Told(Path(self.inbound_path).parent, Path(self.cache_path)).due(assignment, receipt.student)
        if submitted and (late := due.late(submitted)):
            self.log.warning("It is late by %s (%s); what that costs is your course's rule", span(late), due)
        ask = f"coursehub receipt {course} {shlex.quote(assignment)}"
        self.log.info("Receipt: %d files, SHA-256 %s; `%s` shows it again", len(receipt.files), receipt.sha256, ask)

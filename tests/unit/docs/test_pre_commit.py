"""The pre-commit hook: a site's repository of course files refuses a commit with a mistake."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from coursehub.cli import common

ROOT = Path(__file__).parents[3]
(HOOK,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
(USED,) = (
    each
    for block in re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/admins/course-files.md").read_text(), re.DOTALL)
    if "repos" in (each := yaml.safe_load(block))
)


def commit(folder: Path, *files: str) -> subprocess.CompletedProcess[str]:
    """What pre-commit would run when `files` are committed, with the arguments that the admins' page gives."""
    (repository,) = USED["repos"]
    (used,) = repository["hooks"]
    assert used["id"] == HOOK["id"]
    program, *words = shlex.split(HOOK["entry"])
    assert program == "coursehub"
    command = [sys.executable, "-c", "import sys; from coursehub.cli.main import main; sys.exit(main())", *words]
    passed = [file for file in files if re.search(HOOK["files"], file)]
    return subprocess.run([*command, *used["args"], *passed], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "values").mkdir()
    (tmp_path / "values/SITE.yaml").write_text((ROOT / "values/example-university.yaml").read_text())
    return tmp_path


def test_a_good_file_is_committed(repository: Path) -> None:
    (repository / "values/courses.yaml").write_text((ROOT / "values/courses.yaml").read_text())
    done = commit(repository, "README.md", "values/courses.yaml")
    assert (done.returncode, done.stderr) == (common.FINE, "")


def test_a_broken_file_is_refused_with_its_line(repository: Path) -> None:
    (repository / "values/courses.yaml").write_text((ROOT / "docs/examples/errors/image-unknown.yaml").read_text())
    done = commit(repository, "values/courses.yaml")
    assert done.returncode == common.PROBLEMS
    assert done.stderr.startswith(
        "values/courses.yaml:4:12: course 'python-intro': image: the site has no image 'perl'"
    )


@pytest.mark.parametrize(
    ("file", "is_one"),
    [
        ("courses.yaml", True),
        ("values/courses.yml", True),
        ("courses/physics.yaml", True),
        ("values/SITE.yaml", False),
        ("old-courses.yaml", False),
        ("courses/notes.md", False),
    ],
)
def test_the_hook_knows_course_files_by_their_names(file: str, is_one: bool) -> None:
    assert bool(re.search(HOOK["files"], file)) is is_one


def test_the_hook_is_the_command_that_the_package_installs() -> None:
    assert HOOK["language"] == "python"
    assert HOOK["entry"] == "coursehub check"

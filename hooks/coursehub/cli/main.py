"""The `coursehub` command: what admins and course staff run on their own machine or the storage host."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from coursehub.errors import CoursehubError, InvalidFile
from coursehub.hub.notices.notice import Level
from coursehub.hub.usage.usage import Order
from coursehub.names import is_slug

from . import announce as announcing
from . import common, logs, resources, restart, secrets, shell, status, storage
from .common import PROBLEMS

_FROM_FILES = "From --site and FILE it needs no cluster; without them it asks the hub that kubectl reaches."
_AS_ROOT = "Run it as root on the host that has the volume."


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; 0 fine, 1 problems found, 2 wrong usage."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    # argparse takes files in one go only, so those after an option are left over.
    if rest and (not getattr(options, "files", None) or any(each.startswith("-") for each in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        options.files += map(Path, rest)
    if vars(options).get("all") is False:
        if len(options.files) < 2:
            parser.error("name a course and its files, or --all and the files")
        options.slug = str(options.files.pop(0))
    if options.run is announcing.announce:
        _one_of(parser, options)
    if {"namespace", "files"} <= vars(options).keys() and bool(options.site) != bool(options.files):
        parser.error("--site and course files go together; leave both out to ask the running hub")
    try:
        return int(options.run(options))
    except InvalidFile as invalid:
        return common.report(invalid.problems, as_json=getattr(options, "json", False))
    except CoursehubError as error:
        print(f"coursehub: {error}", file=sys.stderr)
        return PROBLEMS
    except OSError as error:
        print(f"coursehub: {error.filename or ''}: {error.strerror}", file=sys.stderr)
        return PROBLEMS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="coursehub", description="Courses on JupyterHub, from one file.")
    verbs = parser.add_subparsers(required=True, metavar="COMMAND")

    check = _command(
        verbs,
        "check",
        common.check,
        "look for mistakes in course files",
        "Says every mistake in the course files as FILE:LINE:COL, and what to write instead. Needs no cluster. "
        "Exit 0: fine, 1: mistakes found.",
        "coursehub check --site values/local.yaml values/courses.yaml",
    )
    _files(check, site_required=False)
    _json(check)

    explain = _command(
        verbs,
        "explain",
        common.explain_,
        "say what somebody may start, and why or why not",
        "Says for each course in each role whether the person may start it and why, or why not; for one course and "
        f"role also what the server would be: uid, groups, mounts, image, limits, environment. {_FROM_FILES} "
        "Exit 0: something may be started, 1: nothing.",
        "coursehub explain --user maria --course python-intro --role student",
    )
    explain.add_argument("--user", required=True, help="the login name")
    explain.add_argument("--course", metavar="SLUG", help="one course; without it each that concerns the person")
    explain.add_argument("--role", choices=("student", "instructor", "grading"), help="one role; without it each")
    _files(explain, nargs="*", site_required=False)
    _namespace(explain)
    _json(explain)

    _command(
        verbs,
        "schema",
        common.schema_,
        "print the JSON Schema of a course file",
        "Prints the JSON Schema with which an editor completes and checks a course file.",
        "coursehub schema > courses.schema.json",
    )

    images = _command(
        verbs,
        "images",
        common.images_,
        "list the images that courses need, to pull them before a class begins",
        "Lists each image that general use and the courses of today and later need, and who needs it. With --values it "
        "prints values of zero-to-jupyterhub with which its pre-puller fetches them to each node.",
        "coursehub images --site values/uni.yaml --values values/courses.yaml > values/pull.yaml",
    )
    _files(images)
    images.add_argument("--values", action="store_true", help="print values for helm, as YAML")
    _json(images)

    course = verbs.add_parser("course", help="look at courses, make and check their directories").add_subparsers(
        required=True, metavar="VERB"
    )
    live = _command(
        course,
        "list",
        common.course_list,
        "say which version of each course is live",
        "Asks the running hub which version of each course is live, since when and from which line of which file, and "
        "what is wrong with the files. Exit 0: all is well, 1: something is wrong.",
        "coursehub course list",
    )
    _namespace(live)
    _json(live)

    user = verbs.add_parser("user", help="look at a person's account").add_subparsers(required=True, metavar="VERB")
    show = _command(
        user,
        "show",
        common.user_show,
        "say what the directory says of somebody",
        "Says uid, gid, groups and how old the directory's answer is, or why this account gets no server. With --site "
        "it asks the directory now; without, it says what the running hub has. Exit 0: known, 1: not.",
        "coursehub user show anna --site values/uni.yaml",
    )
    show.add_argument("user", metavar="USER", help="the login name")
    _site(show, required=False)
    _namespace(show)
    _json(show)

    _course_directories(course)
    _storage(verbs)
    _feedback(verbs)
    _secrets(verbs)
    _logs(verbs)
    _running(verbs)
    _demand(verbs)
    _announce(verbs)
    _quota(verbs)
    return parser


def _course_directories(course: Any) -> None:
    create = _command(
        course,
        "create",
        storage.create,
        "make the directories of a course",
        "Makes what is missing of the course's directories and its gradebook, as the course file has it; says each "
        f"change, and what is left to do. {_AS_ROOT}",
        "coursehub course create python-intro --root /export --site values/uni.yaml values/courses.yaml",
    )
    archive = _command(
        course,
        "archive",
        storage.archive,
        "close the directories of an archived course",
        "Takes away the right to write in the directories of a course whose file says that it is archived, and from "
        "all but its owner for each file in them; nothing is removed, and `course create` with a later date opens them "
        f"again. {_AS_ROOT}",
        "coursehub course archive python-intro --root /export --site values/uni.yaml values/courses.yaml",
    )
    for each in (create, archive):
        each.add_argument("slug", metavar="SLUG", help="the course")
        _files(each)
        _root(each)
        _dry_run(each)
        _json(each)

    check = _command(
        course,
        "check",
        storage.check,
        "say what is wrong with the directories of a course",
        "Says which directories are missing, strange, or have another owner, group or mode than they should; of what "
        "is wrong in many places the first few. Nothing is removed or moved, also by --repair. "
        f"{_AS_ROOT} Exit 0: all is well or repaired, 1: something is wrong.",
        "coursehub course check --all --root /export --site values/uni.yaml values/courses.yaml",
    )
    check.add_argument("files", nargs="+", type=Path, metavar="[SLUG] FILE", help="the course, then course files")
    check.add_argument("--all", action="store_true", help="each course, and all homes, instead of SLUG")
    check.add_argument("--repair", action="store_true", help="correct what can be corrected")
    _site(check, required=True)
    _root(check)
    _dry_run(check)
    _json(check)


def _storage(verbs: Any) -> None:
    store = verbs.add_parser("storage", help="prepare the shared volume").add_subparsers(required=True, metavar="VERB")
    ensure = _command(
        store,
        "ensure",
        storage.ensure,
        "make the homes and course directories that are missing",
        "Makes what is missing and corrects owners and modes; says each change. Homes are those of the people whom the "
        "values list (the provider `file`), and of each --user, whom the site's provider is asked about. Run as root "
        "on the host that has the volume, once again after each new person or course.",
        "coursehub storage ensure --root /export --site values/uni.yaml values/courses.yaml",
    )
    said = "also the home of this person, who is asked for where the site's people are; can be given more than once"
    ensure.add_argument("--user", action="append", default=[], metavar="NAME", help=said)
    quota = _command(
        store,
        "quota",
        storage.quota,
        "set the limits on homes and courses",
        "Sets the file system's own limits on homes and courses, as the site's `quotas` have them; says each change. "
        f"{_AS_ROOT} Exit 0: set, 1: this file system has none.",
        "coursehub storage quota --root /export --site values/uni.yaml values/courses.yaml",
    )
    for each in (ensure, quota):
        _files(each)
        _root(each)
        _dry_run(each)
    _json(quota)
    for name, run, said, more in (
        ("usage", storage.usage, "say what each home and course takes", "As the file system counts, or by a walk."),
        ("people", storage.people, "list everyone with a home, as name:uid", "A home in another's folder is left out."),
    ):
        each = _command(store, name, run, said, f"{more} {_AS_ROOT}", f"coursehub storage {name} --root /export")
        _root(each)
        _json(each)
    door = _command(
        store,
        "door",
        storage.door,
        "answer one request; for a forced command of ssh",
        "Reads one request as a line of JSON from standard input and answers with one line. Without --site it asks the "
        "host's own name service who people are. docs/admins.md has the line for authorized_keys.",
        "coursehub storage door --root /export --minimum-uid 20000",
    )
    _root(door)
    _dry_run(door)
    _site(door, required=False)
    door.add_argument("--minimum-uid", type=int, required=True, metavar="N", help="uids below are refused")


def _feedback(verbs: Any) -> None:
    returned = verbs.add_parser("feedback", help="return feedback").add_subparsers(required=True, metavar="VERB")
    push = _command(
        returned,
        "push",
        storage.push_feedback,
        "copy a course's released feedback into its students' homes",
        "Copies each page that nbgrader has released to where nbgrader's own fetch_feedback puts it, as the student. "
        f"Says what became of each; what is there already stays. {_AS_ROOT} "
        "Exit 0: all is there, 1: something could not be copied.",
        "coursehub feedback push --root /export python-intro",
    )
    push.add_argument("slug", metavar="SLUG", type=_slug, help="the course")
    _root(push)
    _dry_run(push)
    _json(push)


def _secrets(verbs: Any) -> None:
    kept = verbs.add_parser("secrets", help="bring certificate and passwords into the cluster").add_subparsers(
        required=True, metavar="VERB"
    )
    apply = _command(
        kept,
        "apply",
        secrets.apply,
        "make or update the Secrets from a folder of files",
        "Makes or updates the Secrets into which the files of FOLDER go: tls.crt (the server's certificate, then its "
        "issuers') with tls.key, and others (docs/admins.md lists them). Checks all before it changes anything: key, "
        "chain, host name, days left, and that nobody else may read what is secret. To be run again after each "
        "renewal, by cron too: what is unchanged stays untouched. Exit 0: all is as FOLDER has it, 1: something is "
        "wrong.",
        "coursehub secrets apply secrets/ --site values/uni.yaml --host jupyter.example.edu --restart-proxy",
    )
    apply.add_argument("folder", type=Path, metavar="FOLDER", help="where the files are; nothing else is in it")
    said = "a name by which people reach the hub, which the certificate has to have; can be given more than once"
    apply.add_argument("--host", action="append", default=[], metavar="NAME", help=f"{said}, in place of the values'")
    _site(apply, required=False)
    said = "restart the proxy if it is older than the certificate, which it reads at its start only; servers run on"
    apply.add_argument("--restart-proxy", action="store_true", help=said)
    _namespace(apply)
    _dry_run(apply)
    _json(apply)


def _logs(verbs: Any) -> None:
    show = _command(
        verbs,
        "logs",
        logs.logs,
        "say what somebody's server printed, or why it failed",
        "Shows what the person's server printed last; where none runs, why the last one failed: what Kubernetes said, "
        "what the person was told, the pod's events and the last lines that it printed. The hub keeps that for the "
        "site's `servers.failureDays`. Exit 0: there was something to show, 1: nothing is known.",
        "coursehub logs maria --previous",
    )
    show.add_argument("user", metavar="USER", help="the login name")
    show.add_argument("--previous", action="store_true", help="why earlier servers failed, also while one runs")
    _namespace(show)
    _json(show)


def _running(verbs: Any) -> None:
    states = _command(
        verbs,
        "status",
        status.status,
        "say what is running and how it is",
        "Says for each part whether it is ready, which versions run, and how course files, certificate, storage, spawn "
        "test and servers are. A line that begins with ! is wrong, and the next one says what to do. "
        "Exit 0: all is well, 1: something is wrong.",
        "coursehub status --namespace coursehub",
    )
    _namespace(states)
    _json(states)

    again = _command(
        verbs,
        "restart",
        restart.restart,
        "restart the hub, the proxy or the provisioner; servers run on",
        "Puts a new pod in the place of the old one, waits until it is ready (for the proxy: until each server has its "
        "route again), and says how long it took and how many servers ran on. Also the way to move one off a node that "
        "is to be drained. Exit 0: done, 1: not back in time.",
        "coursehub restart proxy",
    )
    again.add_argument("part", choices=tuple(restart.PARTS), help="what to restart")
    again.add_argument("--timeout", type=int, default=300, metavar="SECONDS", help="for how long to wait (300)")
    _namespace(again)
    _dry_run(again)

    inside = _command(
        verbs,
        "shell",
        shell.shell,
        "open a shell in somebody's running server",
        "Opens a shell in the server of USER, as that person: what they can read and write, it can. It ends with "
        "`exit`, and the server runs on.",
        "coursehub shell maria",
    )
    inside.add_argument("user", metavar="USER", help="the login name")
    _namespace(inside)


def _demand(verbs: Any) -> None:
    used = _command(
        verbs,
        "usage",
        resources.usage,
        "say what servers take of CPU and memory, by course",
        "Asks a Prometheus that scrapes the nodes' cAdvisor and the hub: what 95 % of the servers kept within, 95 % of "
        "their time (p95), and what the most was. With --suggest it prints lines for the course file: guaranteed is "
        "the p95, the limit is a quarter above the most. Exit 0: measured, 1: not, and why.",
        "coursehub usage --suggest --course python-intro --prometheus http://127.0.0.1:9090",
    )
    used.add_argument("--suggest", action="store_true", help="as `resources:` lines for the course file")
    where = "where the Prometheus answers (http://127.0.0.1:9090)"
    used.add_argument("--prometheus", default="http://127.0.0.1:9090", metavar="URL", type=_url, help=where)
    used.add_argument("--days", type=_days, default=14, metavar="N", help="how far back to look (14)")
    used.add_argument("--course", metavar="SLUG", type=_slug, help="one course; without it each, and general use")
    _namespace(used)
    _json(used)


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r} is no address; write one as http://127.0.0.1:9090")
    return text


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 366):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days from 1 to 366")
    return int(text)


def _announce(verbs: Any) -> None:
    announce = _command(
        verbs,
        "announce",
        announcing.announce,
        "tell everybody, or those of a course, something",
        "Shows a text on the hub's pages at once, in JupyterLab and new terminals within 100 seconds; nothing is "
        "restarted. There is one announcement for everybody and one for each course: a new one takes the place of the "
        "one before. It is one paragraph of plain text, where [words](https://example.edu/) is a link. With --course "
        "it stands at the course's entry and in its servers, and nowhere else. Exit 0: done, 1: refused, and why.",
        'coursehub announce "The hub is down on Friday from 18:00" --level warning --until 2026-12-04T20:00',
    )
    announce.add_argument("text", nargs="?", metavar="TEXT", help="what to say")
    announce.add_argument("--file", type=Path, metavar="FILE", help="what to say, from a file")
    announce.add_argument("--clear", action="store_true", help="take down what is shown")
    announce.add_argument("--list", action="store_true", help="say what is shown, to whom and until when")
    announce.add_argument("--level", choices=[*Level], default=str(Level.INFO), help="how it looks (info)")
    said = "when it goes by itself: a time at the site (2026-12-01T18:00), or a span from now (30m, 2h, 3d)"
    announce.add_argument("--until", metavar="WHEN", help=said)
    announce.add_argument("--course", metavar="SLUG", type=_slug, help="only to those of this course")
    _namespace(announce)
    _dry_run(announce)
    _json(announce)


def _one_of(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    given = [options.text is not None, options.file is not None, options.clear, options.list]
    if sum(given) != 1:
        parser.error("give one of TEXT, --file, --clear and --list")


def _quota(verbs: Any) -> None:
    quotas = verbs.add_parser("quota", help="see who stores how much").add_subparsers(required=True, metavar="VERB")
    report = _command(
        quotas,
        "report",
        announcing.quota_report,
        "list people and courses by what they store",
        "Lists each home and course with what it takes, its limit and the percentage, as the running hub has last "
        "counted it; the site's values say who counts (usage.provider). Exit 0: listed, 1: not known, and why.",
        "coursehub quota report --by share",
    )
    said = "the most bytes first (use), the nearest to its limit first (share), or by name (use)"
    report.add_argument("--by", choices=get_args(Order), default="use", help=said)
    _namespace(report)
    _json(report)


def _slug(text: str) -> str:
    if not is_slug(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no course's slug")
    return text


def _command(verbs: Any, name: str, run: Any, said: str, more: str, example: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=said, description=more, epilog=f"Example: {example}")
    parser.set_defaults(run=run)
    return parser


def _files(parser: argparse.ArgumentParser, nargs: str = "+", *, site_required: bool = True) -> None:
    parser.add_argument("files", nargs=nargs, type=Path, metavar="FILE", help="a course file, or a folder of them")
    _site(parser, required=site_required)


def _site(parser: argparse.ArgumentParser, *, required: bool) -> None:
    said = "the site's values file; given more than once, later ones go over earlier ones, as in helm"
    parser.add_argument("--site", type=Path, action="append", required=required, metavar="FILE", help=said)


def _root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", type=Path, required=True, metavar="FOLDER", help="where the volume is mounted")


def _dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")


def _namespace(parser: argparse.ArgumentParser) -> None:
    said = "where the hub runs, in the cluster of kubectl's context (coursehub)"
    parser.add_argument("--namespace", default="coursehub", help=said)


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="say it as JSON")


if __name__ == "__main__":
    sys.exit(main())

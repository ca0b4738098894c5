"""What Formgrader's pages say and do in place of nbgrader's own: a template's text, and what is put there.

Words of a file that nobody here writes, icons and fields without a name for whoever does not see them, a link that
leads nowhere, keys that do nothing while a page still loads, and a score that is not saved without a word.
"""

import re

from nbgrader_grading_page import INSTRUCTIONS, PANEL

# An icon's name is its column's heading and whose its row is, a field's is what stands before it.
NAMES = """<script>
(function () {
    function name() {
        $("#main-table td > a:not([aria-label]):has(> .glyphicon)").each(function () {
            var cell = $(this).parent();
            var headings = cell.closest("table").find("thead th");
            var whose = cell.parent().children().eq(Math.max(0, headings.filter(":contains('Student ID')").index()));
            var does = $(this).has(".glyphicon-remove").length ? "Take back" : headings.eq(cell.index()).text().trim();
            var label = does + ": " + whose.text().trim();
            $(this).attr({"aria-label": label, "title": label});
        });
        $("#main-table td > .glyphicon:not([role])").each(function () {
            var hidden = $(this).hasClass("name-hidden");
            if (hidden || $(this).hasClass("name-shown")) {
                var label = (hidden ? "Show" : "Hide") + " student name";
                $(this).attr({"role": "button", "tabindex": 0, "aria-label": label}).removeAttr("aria-hidden");
            } else {
                $(this).attr({"role": "img", "aria-label": "yes"});
            }
        });
        $("td > input:not([aria-label])").each(function () {
            $(this).attr("aria-label", $(this).parent().prev().text());
        });
    }

    $(document).on("keydown", "#main-table .glyphicon[role=button]", function (event) {
        if (event.key === "Enter" || event.key === " ") {
            event.preventDefault();
            $(this).click();
        }
    });
    new MutationObserver(name).observe(document.body, {childList: true, subtree: true});
    name();
})();
</script>
"""
# nbgrader's keys save what has the focus, and go on when that is done: it never is where nothing listens yet.
SAVING = """(function () {
    var save = FormGrader.prototype.save;
    FormGrader.prototype.save = function (done) {
        if (this.grades.loaded && this.comments.loaded) {
            save.call(this, done);
        } else {
            window.setTimeout(this.save.bind(this, done), 50);
        }
    };
    $(document).on("ajaxError", function (event, answer, asked) {
        var said = asked.type === "GET" ? "Not all of this page is here: reload it"
            : "This was not saved: reload the page, and write it again";
        $("#statusmessage").text(said).css("color", "red").show();
    });
})();
"""
# There base_url has Formgrader's own address, with which nbgrader's link would lead nowhere.
LINK = """$(this).attr({
        "href": base_url.slice(0, -"/formgrader".length) + "/lab/tree/"
            + $(this).data("link").split("/").map(encodeURIComponent).join("/"),
        "target": "_blank"
    })"""
TELL = "Please tell your admins.\n"
# By the template: what nbgrader has there, as an expression, and what takes its place.
WORDS: dict[str, tuple[tuple[str, str], ...]] = {
    "base.tpl": ((r"(?=</body>)", NAMES),),
    "manage_assignments.tpl": (
        (r"<i>\(JupyterHub only\)</i> ", ""),
        (r"\s*<b>Note</b> that for the release button.*?the documentation</a>\.", ""),
        (r"The course id has not been set in <code>nbgrader_config\.py</code>\.", "This server has no course."),
        (r"Please see the documentation on\s+<a [^>]*>Setting Up The Exchange</a>\s+for instructions\.\n", TELL),
    ),
    "formgrade/formgrade_macros.html.j2": (
        (r"(?=function toggle_name\(on\))", SAVING),
        (r'\$\(this\)\.map\(linkTo\("notebook", \$\(this\)\.data\("link"\)\)\)', LINK),
        (r'aria-hidden="true" (?=onclick="toggle_name\(true\))', 'role="button" aria-label="Show student name" '),
        (r'aria-hidden="true" (?=onclick="toggle_name\(false\))', 'role="button" aria-label="Hide student name" '),
    ),
    "formgrade/index.html.j2": (
        (r'(?<=<div class="help")', ' role="button" aria-label="Keyboard shortcuts" title="Keyboard shortcuts"'),
        (r'(?<=<input class="score tabbable")', ' aria-label="Score"'),
        (r'(?<=<input class="extra-credit tabbable")', ' aria-label="Extra credit"'),
        (r'(?<=class="comment tabbable")', ' aria-label="Comment"'),
        (r'(?<=save-icon score-saved")|(?<=comment-saved save-icon")', ' role="img" aria-label="Saved"'),
    ),
}


def worded(template: str, source: str, *, at_once: bool) -> str:
    """The text of a template of nbgrader's, by its path among them; `at_once` where a page can have all graded."""
    if template == "manage_submissions.tpl" and at_once:
        source = INSTRUCTIONS.sub(lambda _: PANEL, source)
    for theirs, ours in WORDS.get(template, ()):
        source = re.sub(theirs, lambda _, ours=ours: ours, source, flags=re.DOTALL)
    return source

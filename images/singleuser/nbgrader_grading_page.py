"""What Formgrader's page of an assignment has beside nbgrader's own: all its submissions graded, seen and cancelled.

It asks this server (coursehub_grading.py), so a page that is closed and opened again finds what goes on.
"""

import re

# nbgrader's words in its template: that the command line does all submissions.
INSTRUCTIONS = re.compile(r"\{%- block messages -%\}.*?\{%- endblock -%\}", re.DOTALL)
PANEL = """{%- block messages -%}
<p>
  <button class="btn btn-primary" id="grade-all" type="button">Autograde all</button>
  <button class="btn btn-danger" id="grade-cancel" type="button">Cancel</button>
  <span id="grade-progress" role="status"></span>
</p>
<ul id="grade-failed"></ul>
<script>
(function () {
    var address = base_url + "/coursehub/grading";
    var was_running = false;

    function counted(ended) {
        return Object.keys(ended).map(function (state) { return ended[state] + " " + state; }).join(", ");
    }

    function text(told) {
        if (told.running && told.assignment !== assignment_id) {
            return "'" + told.assignment + "' is being graded.";
        }
        if (told.running) {
            var now = Object.keys(told.now).map(function (student) {
                var one = told.now[student];
                return student + " (" + one.state + (one.why ? ": " + one.why : "") + ")";
            });
            return told.done + " of " + told.of + " have ended. Now: " + (now.join(", ") || "it begins");
        }
        return told.assignment === assignment_id ? told.error || "Ended: " + counted(told.ended) : "";
    }

    function show(told) {
        if (was_running && !told.running) {
            window.location.reload();
            return;
        }
        was_running = told.running;
        $("#grade-all").prop("disabled", told.running);
        $("#grade-cancel").toggle(told.running);
        $("#grade-progress").text(text(told));
        $("#grade-failed").empty();
        if (told.assignment === assignment_id) {
            told.failed.forEach(function (one) {
                $("#grade-failed").append($("<li/>").text(one.student + ": " + one.why));
            });
        }
        if (told.running) {
            window.setTimeout(look, 2000);
        }
    }

    function ask(method, body) {
        return $.ajax({
            url: address, method: method, data: body && JSON.stringify(body), dataType: "json",
            contentType: "application/json", headers: {"X-CSRFToken": getCookie("_xsrf")}
        }).fail(function (answer) {
            var said = answer.responseJSON && answer.responseJSON.message;
            $("#grade-progress").text(said || "The server does not answer; reload this page.");
        });
    }

    function look() { ask("GET").done(show); }

    $("#grade-all").click(function () { ask("POST", {"assignment": assignment_id}).done(show); });
    $("#grade-cancel").click(function () { ask("DELETE"); });
    look();
})();
</script>
{%- endblock -%}"""

"""One course a server: the one that the pod was made for."""

import os

c = get_config()  # noqa: F821  (nbgrader gives it)

c.CourseDirectory.course_id = os.environ.get("COURSEHUB_COURSE", "")
c.CourseDirectory.groupshared = True
c.Exchange.root = "/srv/nbgrader/exchange"
c.Exchange.assignment_dir = os.environ.get("HOME", "/")

if os.environ.get("COURSEHUB_ROLE") == "instructor":
    c.CourseDirectory.root = "/course"

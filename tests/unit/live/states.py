"""What is live."""

from coursehub.errors import Problem
from coursehub.live.state import Entry, State

PROBLEMS = (
    Problem("b.yaml", 1, 1, "not valid YAML"),
    Problem("c.yaml", 4, 5, "name: write text", "c"),
    Problem("c.yaml", 9, 3, "'name' is missing", "new"),
)


ENTRIES = (
    Entry("a", "1234567", "2026-10-01T08:00:00Z", "a.yaml", 2, False, b'{"name":"A","slug":"a"}', "algebra/a.yaml"),
    Entry("b", "2345678", "2026-10-01T08:00:00Z", "b.yaml", 2, True, b'{"name":"B","slug":"b"}', "algebra/b.yaml"),
    Entry("c", "3456789", "2026-09-01T08:00:00Z", "c.yaml", 4, True, b'{"name":"C","slug":"c"}', "algebra/c.yaml"),
)


STATE = State(7, "2026-10-02T08:00:00Z", "digest", b'{"general":{}}', True, ENTRIES, PROBLEMS)

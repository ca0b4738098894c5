"""Announcements: text and links, nothing else, whatever is written; and until when they hold."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from coursehub.errors import Refused
from coursehub.hub.notices import announcement, notice
from coursehub.hub.notices.announcement import MOST, Announcement
from coursehub.hub.notices.notice import Level, Link
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Helsinki")


def shown(text: str) -> str:
    """What a page shows of it."""
    return str(Announcement(text=text, since=NOW).notice().html())


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        pytest.param("Down on Friday.", "Down on Friday.", id="text"),
        pytest.param(" Down\n on \t Friday. \n", "Down on Friday.", id="the line ends of a file"),
        pytest.param(
            "See [the news](https://example.edu/a?b=c&d=e) first.",
            'See <a class="alert-link" href="https://example.edu/a?b=c&amp;d=e" target="_blank" '
            'rel="noopener noreferrer">the news</a> first.',
            id="a link",
        ),
        pytest.param(
            "[Write](mailto:help@example.edu)",
            '<a class="alert-link" href="mailto:help@example.edu" target="_blank" rel="noopener noreferrer">Write</a>',
            id="a letter",
        ),
        pytest.param(
            "[<b>x</b>](http://example.edu)",
            '<a class="alert-link" href="http://example.edu" target="_blank" rel="noopener noreferrer">'
            "&lt;b&gt;x&lt;/b&gt;</a>",
            id="Y18: markup in a link's words",
        ),
        pytest.param(
            """<script>alert(1)</script>"><img src=x onerror='x'>""",
            "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&gt;&lt;img src=x onerror=&#39;x&#39;&gt;",
            id="Y18: markup",
        ),
        pytest.param(
            "{{7*7}} {% raw %} ${7*7} {x} {0.__class__} %s",
            "{{7*7}} {% raw %} ${7*7} {x} {0.__class__} %s",
            id="Y18, Y19: templates",
        ),
        pytest.param("a [x] (y) *b* `c` # d", "a [x] (y) *b* `c` # d", id="other Markdown is text"),
        pytest.param("![x](https://example.edu/x.png)", "!<a ", id="an image is no more than a link"),
    ],
)
def test_everything_but_a_link_is_text(text: str, inside: str) -> None:
    before, _, after = '<div class="alert alert-info coursehub-note" role="status">…</div>'.partition("…")
    if inside.endswith(" "):
        assert shown(text).startswith(before + inside)
        assert "<img" not in shown(text)
    else:
        assert shown(text) == before + inside + after


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", f"write 1 to {MOST} characters, not 0"),
        (" \n ", f"write 1 to {MOST} characters, not 0"),
        ("x" * (MOST + 1), f"write 1 to {MOST} characters, not {MOST + 1}"),
        ("\x1b]0;owned\x07", "U+001B is no character that can be seen; take it out"),
        ("safe \u202egnp.exe", "U+202E is no character that can be seen; take it out"),
        ("a\x00b", "U+0000 is no character that can be seen; take it out"),
        ("a\u2028b", "U+2028 is no character that can be seen; take it out"),
        ("\udc80", "U+DC80 is no character that can be seen; take it out"),
        ("[](https://example.edu)", "a link to 'https://example.edu' has no words"),
        *(
            (f"[x]({url})", "is no address; a link leads to https://…, http://… or mailto:…")
            for url in (
                "javascript:alert'1'",
                "JaVaScRiPt:alert",
                "data:text/html,x",
                "vbscript:x",
                "//example.edu",
                "/hub/logout",
                "",
                " https://example.edu",
                "https://exam ple.edu",
                'https://example.edu/"onmouseover="x',
                "https://example.edu/'x",
                "https://example.edu/<b>",
                "https://example.edu\\@evil.example",
                "https://example.edu@evil.example/",
                "https://",
                "https:///x",
                "http://[::1",
                "https://exämple.edu",
            )
        ),
    ],
)
def test_what_is_more_than_text_and_links_is_refused_with_a_sentence(text: str, said: str) -> None:
    with pytest.raises(Refused) as refusal:
        announcement.checked(text)
    assert said in str(refusal.value)


@given(st.text(max_size=200) | st.text("[]()<>\"'&:/@javscriptmlo. ", max_size=60))
def test_no_text_at_all_makes_markup_of_its_own(text: str) -> None:
    try:
        checked = announcement.checked(text)
    except Refused:
        return
    parts = list(announcement.parts(checked))
    html = str(notice.Notice("x", Level.INFO, tuple(parts)).html())
    links = sum(isinstance(part, Link) for part in parts)
    assert html.count("<") == 2 + 2 * links
    assert html.count('"') == 4 + 8 * links


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2h", datetime(2026, 11, 28, 14, 0, tzinfo=UTC)),
        ("2026-12-01T18:00", datetime(2026, 12, 1, 16, 0, tzinfo=UTC)),
        ("2026-12-01 18:00", datetime(2026, 12, 1, 16, 0, tzinfo=UTC)),
        ("2026-12-01T18:00+00:00", datetime(2026, 12, 1, 18, 0, tzinfo=UTC)),
        ("2026-12-01", datetime(2026, 11, 30, 22, 0, tzinfo=UTC)),
    ],
)
def test_until_is_a_span_or_a_time_at_the_site(written: str, moment: datetime) -> None:
    assert announcement.until(written, NOW, ZONE) == moment


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("tomorrow", "is no time; write one as 2026-12-01T18:00, or a span as 2h"),
        ("2026-11-28T13:00", "is over already"),
    ],
)
def test_another_time_is_refused(written: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        announcement.until(written, NOW, ZONE)


def test_it_holds_until_its_end_and_another_text_is_another_note() -> None:
    end = datetime(2026, 11, 28, 13, 0, tzinfo=UTC)
    one = Announcement(text="One", since=NOW, until=end)
    assert one.holds(NOW)
    assert not one.holds(end)
    assert one.notice().id == Announcement(text="One", since=NOW, until=end).notice().id
    assert one.notice().id != Announcement(text="Two", since=NOW, until=end).notice().id


def test_a_server_gets_words_and_links_apart() -> None:
    said = Announcement(text="See [the news](https://example.edu/).", level=Level.WARNING, since=NOW).notice().plain()
    assert said["level"] == "warning"
    assert said["text"] == "See the news."
    assert said["links"] == [{"label": "the news", "url": "https://example.edu/"}]
    assert "until" not in said

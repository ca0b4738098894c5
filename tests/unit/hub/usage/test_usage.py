"""Who is warned of what is nearly full, and in which words; and the report."""

from coursehub.config.settings import Quotas
from coursehub.hub.usage import usage
from coursehub.hub.usage.usage import DiskUse, Order, Picture
from coursehub.limits import Limit

GIB = 2**30


def test_limits_are_the_file_systems_and_where_it_has_none_the_sites() -> None:
    quotas = Quotas.model_validate(
        {
            "home": {"size": "10G", "files": 1000},
            "people": {"anna": {"size": "20G"}},
            "courses": {"b": {"size": "1T"}},
        }
    )
    assert usage.home_limit("maria", quotas) == Limit(10 * GIB, 1000)
    assert usage.home_limit("anna", quotas) == Limit(20 * GIB, 1000)
    assert usage.course_limit("b", quotas) == Limit(1024 * GIB, None)
    assert usage.course_limit("small", quotas) == Limit(None, None)
    assert usage.limited(1, 2, Limit(5, 0), Limit(10, 6)).limit == Limit(5, 6)
    assert usage.limited(1, 2, Limit(), Limit(10)).limit == Limit(10, None)


PICTURE = Picture(
    0,
    {"maria": DiskUse(9 * GIB, 7, Limit(10 * GIB, 1000)), "jonas": DiskUse(20 * GIB, 7, Limit())},
    {"python-intro": DiskUse(GIB // 2, 3, Limit(100 * GIB))},
)


def test_the_report_is_by_use_or_by_share_or_by_name() -> None:
    orders: tuple[Order, ...] = ("use", "share", "name")
    names = {by: [row["name"] for row in usage.report(PICTURE, by)] for by in orders}
    assert names == {
        "use": ["jonas", "maria", "python-intro"],
        "share": ["maria", "python-intro", "jonas"],
        "name": ["jonas", "maria", "python-intro"],
    }
    assert usage.text(usage.report(PICTURE, "use")) == [
        " 20.00 GiB of   no limit         home    jonas",
        "  9.00 GiB of  10.00 GiB   90 %  home    maria  (7 of 1000 files)",
        "  0.50 GiB of 100.00 GiB    0 %  course  python-intro",
    ]

"""As many servers start at once as the nodes start well, whatever nodes there are."""

from coursehub.servers.pace import Pace

LEAST, MOST = 3, 100


def settled(
    cores: int, *, image: str = "python", alone: float = 1.0, mounts: float = 0.0, pace: Pace | None = None
) -> int:
    """How many start at once in the end, where a boot is one second of one core and the nodes have so many.

    `mounts` are seconds of a start that nobody works in.
    """
    pace = pace or Pace()
    pace.booted(image, alone, 0)
    for _ in range(300):
        at_once = pace.at_once(LEAST, MOST)
        # A mount is no part of a boot, and those who wait for one are beside nobody.
        working = max(1.0, at_once / (1 + mounts))
        pace.booted(image, alone * max(1.0, working / cores), at_once - 1)
    return pace.at_once(LEAST, MOST)


def test_on_two_cores_a_few_start_at_once() -> None:
    assert 4 <= settled(2) <= 6


def test_with_more_or_larger_nodes_more_start_at_once_without_a_word_of_the_site() -> None:
    assert 16 <= settled(8) <= 24
    assert settled(64) == MOST


def test_where_starts_wait_for_mounts_more_are_let_in() -> None:
    assert settled(2, mounts=3) >= 2 * settled(2)


def test_a_node_that_becomes_busy_gets_fewer_and_never_less_than_the_least() -> None:
    pace = Pace()
    assert settled(8, pace=pace) > 12
    assert settled(2, pace=pace) <= 6
    assert settled(1, pace=pace) == LEAST


def test_a_larger_image_is_held_against_itself() -> None:
    pace = Pace()
    settled(4, pace=pace)
    before = pace.at_once(LEAST, MOST)
    assert abs(settled(4, image="large", alone=9.0, pace=pace) - before) <= 2


def test_single_starts_over_the_day_say_nothing_of_how_a_class_would_do() -> None:
    pace = Pace()
    pace.at_once(LEAST, MOST)
    for _ in range(50):
        pace.booted("python", 1.0, 0)
    assert pace.at_once(LEAST, MOST) == LEAST


def test_the_sites_bounds_count_from_the_next_start_on() -> None:
    pace = Pace()
    settled(64, pace=pace)
    assert pace.at_once(1, 5) == 5
    assert pace.at_once(8, 9) == 8


def test_the_wait_is_by_how_long_turns_took_lately() -> None:
    pace = Pace()
    pace.at_once(4, 4)
    assert pace.wait(40) is None
    for _ in range(30):
        pace.ended(8.0)
    assert pace.wait(40) == 80.0
    for _ in range(30):
        pace.ended(2.0)
    wait = pace.wait(40)
    assert wait is not None
    assert 20 <= wait < 21

"""How fast a run goes, when it will be done, and how often it is looked at."""

from evald.rules.speed import (
    RECENT,
    Look,
    Looks,
    average_speed,
    pause_between_looks,
    recent_speed,
    seconds_left,
    with_another,
)


def seen(*looks: tuple[float, int]) -> Looks:
    kept: Looks = ()
    for at, done in looks:
        kept = with_another(kept, Look(at, done))
    return kept


def test_one_run_is_looked_at_twice_a_second() -> None:
    assert pause_between_looks(1) == 0.5


def test_many_runs_together_cost_no_more_looks() -> None:
    assert 500 / pause_between_looks(500) == 100


def test_the_speed_is_that_of_the_last_seconds() -> None:
    slow_then_fast = seen((0, 0), (60, 6), (65, 16), (70, 26))

    assert recent_speed(slow_then_fast) == 2.0


def test_looks_that_are_too_old_are_not_kept() -> None:
    looks = seen(*[(second, second) for second in range(1000)])

    assert len(looks) == RECENT + 1


def test_nothing_is_told_from_less_than_two_seconds() -> None:
    assert recent_speed(seen((0, 0), (0.5, 100))) is None


def test_a_run_that_stalls_has_no_recent_speed() -> None:
    assert recent_speed(seen((0, 7), (5, 7), (9, 7))) is None


def test_a_run_that_redoes_rows_is_seen_anew() -> None:
    assert recent_speed(seen((0, 100), (3, 40), (6, 70))) == 10.0


def test_the_time_left_is_known_where_rows_and_speed_are() -> None:
    assert seconds_left(110, 10, 4.0) == 25.0
    assert seconds_left(None, 10, 4.0) is None
    assert seconds_left(110, 0, None) is None


def test_there_is_no_average_before_the_first_item() -> None:
    assert average_speed(0, 3.0) is None
    assert average_speed(6, 3.0) == 2.0

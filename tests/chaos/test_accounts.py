"""Each call that was made again has its reason in a blow, or is named."""

from chaos.accounts import Blow, accounts
from tests.model_server.ledger import CallRecord

UNSAVED_S = 0.5
KILL = Blow("kill", "worker-1", 10, 10.01)


def call(
    row: int, caller: str, began_at: float, ended_at: float | None, aborted: bool = False
) -> CallRecord:
    return CallRecord(f"row {row}", caller, began_at, ended_at, aborted)


def test_a_call_in_flight_at_a_kill_is_made_again_by_right() -> None:
    calls = [
        call(1, "worker-1", 9, 10.01, aborted=True),
        call(1, "worker-2", 13, 14),
        call(2, "worker-1", 9, 10.01, aborted=True),
        call(2, "worker-1", 12, 13),
    ]

    told = accounts(calls, [KILL], UNSAVED_S)

    assert told.unexplained == []
    (account,) = told.of_blows
    assert (account.in_flight, account.again, account.unsaved_again) == (2, 2, 0)


def test_a_call_that_was_finished_and_not_saved_is_counted_apart() -> None:
    calls = [call(1, "worker-1", 9, 9.75), call(1, "worker-2", 13, 14)]

    (account,) = accounts(calls, [KILL], UNSAVED_S).of_blows

    assert (account.in_flight, account.again, account.unsaved_again) == (0, 0, 1)
    assert account.longest_unsaved_s == 0.25


def test_a_call_that_was_finished_long_before_the_kill_has_no_reason_to_be_made_again() -> None:
    calls = [call(1, "worker-1", 8, 9), call(1, "worker-2", 13, 14)]

    assert len(accounts(calls, [KILL], UNSAVED_S).unexplained) == 1


def test_a_call_may_stay_unsaved_while_another_process_hangs_but_for_two_seconds_only() -> None:
    short = Blow("pause", "worker-3", 8.8, 9.8)
    long = Blow("pause", "worker-3", 4, 9.8)
    waited = [call(1, "worker-1", 8, 8.7), call(1, "worker-2", 13, 14)]
    too_long = [call(2, "worker-1", 8, 8.4), call(2, "worker-2", 13, 14)]

    after_short = accounts([*waited, *too_long], [KILL, short], UNSAVED_S)
    after_long = accounts([*waited, *too_long], [KILL, long], UNSAVED_S)

    assert [words[:7] for words in after_short.unexplained] == ["'row 2'"]
    assert [words[:7] for words in after_long.unexplained] == ["'row 1'", "'row 2'"]


def test_a_call_of_another_machine_has_no_reason_to_be_made_again() -> None:
    calls = [call(1, "worker-2", 9, 10.2), call(1, "worker-3", 13, 14)]

    assert len(accounts(calls, [KILL], UNSAVED_S).unexplained) == 1


def test_two_calls_that_nothing_hit_are_one_too_many_whatever_came_between() -> None:
    calls = [
        call(1, "worker-1", 9, 10.01, aborted=True),
        call(1, "worker-2", 13, 14),
        call(1, "worker-3", 13, 14),
    ]

    told = accounts(calls, [KILL], UNSAVED_S)

    assert len(told.unexplained) == 1
    assert told.of_blows[0].again == 1


def test_a_call_that_came_too_late_is_the_extra_one_not_the_one_that_was_saved() -> None:
    pause = Blow("pause", "worker-1", 10, 16)
    calls = [call(1, "worker-2", 13, 14), call(1, "worker-1", 15.9, 16.5)]

    told = accounts(calls, [pause], UNSAVED_S)

    assert told.unexplained == []
    assert told.of_blows[0].again == 1


def test_a_blow_to_all_is_the_reason_for_calls_of_everybody() -> None:
    restart = Blow("restart of Postgres", None, 10, 12)
    calls = [call(1, "worker-1", 9, 11), call(1, "worker-2", 13, 14)]

    assert accounts(calls, [restart], UNSAVED_S).unexplained == []

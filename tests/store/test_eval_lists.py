"""Lists of evals as people look through them: searched, filtered, with their last runs."""

from dataclasses import replace

from evald.contract.projects import DEFAULT_PROJECT, ProjectId
from evald.rules.eval_filter import EvalFilter, MetadataPair
from evald.rules.paging import PageRequest
from evald.store import api_keys as key_store
from evald.store import eval_lists
from evald.store import evals as eval_store
from evald.store.database import Database
from evald.store.eval_lists import RecentRun
from tests.store.records import new_eval, new_item, save_items, saved_run, started_run

NEWEST = PageRequest(None, 20, "desc")


async def named(database: Database, name: str, metadata: dict[str, str] | None = None) -> str:
    new = replace(new_eval(), name=name, metadata=metadata)
    await database.write(lambda connection: eval_store.insert_eval(connection, new))
    return new.id


async def found(database: Database, wanted: EvalFilter, page: PageRequest = NEWEST) -> list[str]:
    listed = await database.read(
        lambda connection: eval_lists.find_evals(connection, DEFAULT_PROJECT, page, wanted)
    )
    return [each.name for each in listed.objects]


async def test_words_are_found_in_any_case_and_mean_themselves(database: Database) -> None:
    await named(database, r"Ticket Triage [v2], 100% GRÖSSE Größe a\b")

    fit = ["triage", "TICKET tri", "größe", "100%", "%", "[v2]", r"a\b", ", 1"]
    unfit = ["ΣΊΣΥΦΟΣ", "t_iage", "t*e", "^Ticket", ".", "[a-z]", "?icket", r"\w"]
    hits = [bool(await found(database, EvalFilter(words))) for words in (*fit, *unfit)]

    assert hits == [True] * len(fit) + [False] * len(unfit)


async def test_an_eval_is_found_by_a_part_of_its_id(database: Database) -> None:
    eval_id = await named(database, "wanted")
    await named(database, "another")

    assert await found(database, EvalFilter(eval_id[5:].upper())) == ["wanted"]


async def test_evals_are_found_by_their_metadata(database: Database) -> None:
    await named(database, "none", None)
    await named(database, "b", {"env": "prod", "team": 'b "1", \x00'})
    await named(database, "a", {"team": "a", "note": '"team":"b'})

    async def with_pairs(*pairs: tuple[str, str]) -> list[str]:
        return await found(database, EvalFilter(metadata=tuple(MetadataPair(*p) for p in pairs)))

    assert await with_pairs(("team", "a")) == ["a"]
    assert await with_pairs(("team", "")) == ["a", "b"]
    assert await with_pairs(("team", ""), ("env", "prod")) == ["b"]
    assert await with_pairs(("env", "pro")) == []
    assert await with_pairs(("eam", "a")) == []
    assert await with_pairs(("TEAM", "a")) == []


async def test_a_filter_holds_over_pages_and_in_a_project(database: Database) -> None:
    ids = [await named(database, f"wanted {number}") for number in range(3)]
    await named(database, "other")
    other = await database.write(lambda connection: key_store.insert_project(connection, "b", 1))

    page = PageRequest(ids[2], 1, "desc")
    elsewhere = await database.read(
        lambda connection: eval_lists.find_evals(
            connection, ProjectId(other), NEWEST, EvalFilter("wanted")
        )
    )

    assert await found(database, EvalFilter("wanted"), page) == ["wanted 1"]
    assert elsewhere.objects == ()


async def test_the_last_runs_of_evals_are_given_newest_first(database: Database) -> None:
    run = await started_run(database, rows=3)
    await database.write(
        lambda connection: save_items(
            connection,
            run,
            [new_item(0), new_item(1, "failed", "passed"), new_item(2, "errored", "passed")],
        )
    )
    newer = [await saved_run(database, run.eval_id, created_at=time) for time in (7, 5, 6)]
    empty = await named(database, "empty")

    async def asked(each: int) -> dict[str, list[RecentRun]]:
        return await database.read(
            lambda connection: eval_lists.recent_runs(connection, [run.eval_id, empty], each)
        )

    listed = await asked(9)
    assert list(listed) == [run.eval_id]
    assert [each.id for each in listed[run.eval_id]] == [newer[0], newer[2], newer[1], run.run_id]
    assert listed[run.eval_id][-1] == RecentRun(
        id=run.run_id,
        name="first",
        model="m",
        status="in_progress",
        created_at=1,
        row_count=3,
        passed=1,
        failed=1,
        errored=1,
        is_imported=False,
    )
    assert [each.id for each in (await asked(2))[run.eval_id]] == [newer[0], newer[2]]
    assert await database.read(
        lambda connection: eval_lists.count_runs(connection, [run.eval_id, empty])
    ) == {run.eval_id: 4}
    assert await database.read(lambda connection: eval_lists.recent_runs(connection, [], 9)) == {}

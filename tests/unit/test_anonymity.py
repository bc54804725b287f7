"""`--anonymize`: the columns that tell who a learner is become hashes or nothing, before any output sees them."""

from __future__ import annotations

from typing import Any

import pytest

from edx_import.errors import ConfigurationError, ExitCode
from edx_import.reports.anonymity import anonymized, learner_hash
from edx_import.reports.report import Chart, ChartKind, Column, Personal, Report
from edx_import.settings import Secret, Settings

KEY = Secret("a key of sixteen or more characters")
LEARNER = Column("user_id", int, "learner", personal=Personal.LEARNER)


class DatabaseInt(int):
    def __repr__(self) -> str:
        return f"DatabaseInt({int(self)})"


def rows_of(columns: tuple[Column, ...], *rows: list[Any], site: str = "prod", key: Secret = KEY) -> list[list[Any]]:
    return [list(row) for row in anonymized(Report(columns, iter(rows)), site, key).checked_rows()]


def test_the_hash_of_a_learner_never_changes() -> None:
    """Else what was anonymised last year could not be joined with what is anonymised today."""
    assert learner_hash("prod", KEY)(501) == "hw25tr2yp7euuvqn"


def test_a_learner_has_one_hash_on_a_site_and_under_a_key() -> None:
    ((first,), (second,), (again,)) = rows_of((LEARNER,), [501], [502], [501])
    assert first == again != second
    assert [len(first), first.islower(), first.isalnum()] == [16, True, True]
    assert rows_of((LEARNER,), [501], site="edge") != [[first]]
    assert rows_of((LEARNER,), [501], key=Secret("another key of sixteen or more")) != [[first]]


@pytest.mark.parametrize("same", [501.0, "501", DatabaseInt(501)])
def test_a_number_has_one_hash_however_it_comes(same: Any) -> None:
    assert rows_of((LEARNER,), [same]) == rows_of((LEARNER,), [501])


def test_sites_and_numbers_that_run_together_have_hashes_of_their_own() -> None:
    assert learner_hash("rdx:1", KEY)("23") != learner_hash("rdx:12", KEY)("3")


def test_no_learner_stays_no_learner() -> None:
    assert rows_of((LEARNER,), [None]) == [[None]]


def test_other_columns_are_exact_and_names_are_gone() -> None:
    columns = (LEARNER, Column("username", personal=Personal.REMOVED), Column("events", int), Column("state", dict, personal=Personal.REMOVED))
    ((learner, name, events, state),) = rows_of(columns, [501, "ann", 501, {"name": "ann"}])
    assert learner != 501
    assert (name, events, state) == (None, 501, None)


def test_lists_and_mappings_of_learners_are_hashed_all_through() -> None:
    columns = (Column("members", list, personal=Personal.LEARNER), Column("by_learner", dict, personal=Personal.LEARNER))
    hashed = learner_hash("prod", KEY)
    assert rows_of(columns, [[501, None, (502,)], {501: [502], "503": None}]) == [
        [[hashed(501), None, [hashed(502)]], {hashed(501): [hashed(502)], hashed(503): None}]
    ]
    assert [column.type for column in anonymized(Report(columns, []), "prod", KEY).columns] == [list, dict]


def test_a_column_of_hashes_is_a_column_of_text() -> None:
    report = anonymized(Report((LEARNER, Column("n", int)), [], "title", Chart(ChartKind.LINE, "user_id", "n")), "prod", KEY)
    assert [column.type for column in report.columns] == [str, int]
    assert report.columns[0].personal is Personal.LEARNER
    assert (report.title, report.chart) == ("title", Chart(ChartKind.LINE, "user_id", "n"))


def test_rows_stay_a_stream() -> None:
    def endless() -> Any:
        number = 0
        while True:
            yield [number]
            number += 1

    rows = iter(anonymized(Report((LEARNER,), endless()), "prod", KEY).rows)
    assert next(rows) != next(rows)


def test_without_a_key_nothing_is_anonymised() -> None:
    with pytest.raises(ConfigurationError, match="ANONYMIZE_KEY is not set") as raised:
        Settings.from_env({}).require_anonymize_key()
    assert "openssl rand" in raised.value.hint
    assert raised.value.exit_code is ExitCode.CONFIGURATION


def test_a_key_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="ANONYMIZE_KEY: shorter than 16 characters"):
        Settings.from_env({"ANONYMIZE_KEY": "fifteen letters"})
    assert Settings.from_env({"ANONYMIZE_KEY": "sixteen letters!"}).require_anonymize_key() == Secret("sixteen letters!")

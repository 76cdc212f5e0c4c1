"""The temporary PostgreSQL of the tests themselves."""

import os

import psycopg
import pytest

from tests import postgres


def test_without_postgresql_a_test_is_skipped_with_the_line_that_would_make_it_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(postgres, "_programs", lambda: None)
    with pytest.raises(pytest.skip.Exception, match="apt install postgresql"), postgres.template_database(lambda _: None):
        pass
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt install postgresql"), postgres.template_database(lambda _: None):
        pass


def test_each_copy_is_its_own_and_goes_when_it_is_dropped() -> None:
    def fill(url: str) -> None:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE thing (name text)")

    with postgres.template_database(fill) as template:
        first, drop_first = postgres.copy_database(template)
        second, drop_second = postgres.copy_database(template)
        with psycopg.connect(first) as connection:
            connection.execute("INSERT INTO thing VALUES ('only here')")
        with psycopg.connect(second) as connection:
            assert connection.execute("SELECT count(*) FROM thing").fetchone() == (0,)
        drop_first()
        drop_second()
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(first)
        place = template.partition("host=")[2]
    assert "TEST_DATABASE_URL" in os.environ or not os.path.exists(place)


def test_a_database_that_is_used_again_is_as_new_and_one_that_was_changed_is_not_used_again() -> None:
    def fill(url: str) -> None:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE thing (id serial PRIMARY KEY, name text)")

    def write(url: str, *statements: str) -> int:
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)
            return connection.execute("INSERT INTO thing (name) VALUES ('x') RETURNING id").fetchone()[0]  # type: ignore[index]

    with postgres.template_database(fill) as template:
        first, give_back = postgres.own_database(template)
        assert [write(first), write(first)] == [1, 2]
        give_back()
        again, give_back = postgres.own_database(template)
        assert again == first
        assert write(again) == 1
        write(again, "ALTER TABLE thing ADD COLUMN more text")
        give_back()
        other, give_back = postgres.own_database(template)
        assert other != first
        with psycopg.connect(other) as connection:
            assert connection.execute("SELECT * FROM thing").fetchall() == []
        give_back()

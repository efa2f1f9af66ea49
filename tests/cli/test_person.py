"""`vouchsafe person` and `vouchsafe token`: what they write, what they refuse, and that a password is never shown."""

import json
from datetime import UTC, datetime
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from vouchsafe.cli.errors import CommandError
from vouchsafe.cli.person import person
from vouchsafe.cli.token import token

PASSWORD = "seven-otters-in-kendal"


def run(command: click.Command, *args: str, given: str = "") -> Result:
    return CliRunner().invoke(command, args, input=given, catch_exceptions=False)


def refused(command: click.Command, *args: str, given: str = "") -> CommandError:
    with pytest.raises(CommandError) as told:
        run(command, *args, given=given)
    return told.value


def add(username: str = "ingrid", *more: str, given: str = "") -> Result:
    return run(
        person,
        "add",
        username,
        "--name",
        "Ingrid Solheim",
        "--email",
        f"{username}@example.com",
        *more,
        given=given,
    )


def test_a_person_is_added_with_roles_and_a_password_that_works(installation: Any) -> None:
    from vouchsafe.kernel import people

    done = add("ingrid", "--role", "qa", "--role", "approver", "--password-stdin", given=PASSWORD + "\n")
    assert done.exit_code == 0 and PASSWORD not in done.output
    made = people.find("ingrid")
    people.check_password(made, PASSWORD, at=datetime.now(UTC))
    assert people.holds(made, "qa", at=datetime.now(UTC))
    (row,) = json.loads(run(person, "list", "--json").output)
    assert (row["username"], row["roles"]) == ("ingrid", ["approver", "qa"])
    assert "Ingrid Solheim: approver, qa" in run(person, "list").output


def test_a_refused_role_adds_nobody(installation: Any) -> None:
    told = refused(
        person, "add", "x", "--name", "X", "--email", "x@example.com", "--role", "qa", "--role", "wizard"
    )
    assert told.code == 1 and "wizard" in str(told)
    assert "Nobody yet" in run(person, "list").output


def test_a_username_is_never_given_twice(installation: Any) -> None:
    add()
    told = refused(person, "add", "INGRID", "--name", "Other", "--email", "other@example.com")
    assert told.code == 1 and "neither is given again" in str(told)


@pytest.mark.parametrize("text", ["tiny-one", "password1234", "ingrid-solheim-1", ""])
def test_a_weak_password_is_refused_and_not_repeated(installation: Any, text: str) -> None:
    add()
    told = refused(person, "password", "ingrid", "--stdin", given=text + "\n")
    assert not text or text not in str(told)


def test_a_password_can_be_set_by_the_operator_and_ends_a_lock_out(installation: Any) -> None:
    from vouchsafe.kernel import people
    from vouchsafe.kernel.errors import SigningFailed

    add()
    someone, now = people.find("ingrid"), datetime.now(UTC)
    with pytest.raises(SigningFailed):
        people.check_password(someone, PASSWORD, at=now)
    assert run(person, "password", "ingrid", "--stdin", given=PASSWORD + "\n").exit_code == 0
    people.check_password(someone, PASSWORD, at=now)
    assert refused(person, "password", "nobody", "--stdin", given=PASSWORD + "\n").code == 1


def test_a_grant_has_a_scope_and_an_end(installation: Any) -> None:
    from vouchsafe.kernel import people

    add()
    run(person, "grant", "ingrid", "qa", "--product", "Tarn 4", "--process", "capa", "--until", "2999-01-01")
    someone = people.find("ingrid")
    assert people.holds(someone, "qa", at=datetime.now(UTC), product="Tarn 4", process="capa")
    assert not people.holds(someone, "qa", at=datetime.now(UTC), product="Tarn 5", process="capa")
    assert not people.holds(
        someone, "qa", at=datetime(2999, 1, 2, tzinfo=UTC), product="Tarn 4", process="capa"
    )
    for wrong in (["--process", "no_such"], ["--until", "2001-01-01"]):
        assert refused(person, "grant", "ingrid", "qa", *wrong).code == 2
    assert refused(person, "grant", "ingrid", "wizard").code == 1


def test_a_role_is_taken_back_where_it_was_given_and_the_list_says_so(installation: Any) -> None:
    from vouchsafe.kernel import people

    add("ingrid", "--role", "approver")
    run(person, "grant", "ingrid", "qa", "--product", "Tarn 4")
    run(person, "grant", "ingrid", "qa", "--site", "York")
    assert "approver, qa for Tarn 4, qa for York" in run(person, "list").output
    told = refused(person, "revoke", "ingrid", "qa", "--site", "Kendal", "--reason", "Moved")
    assert told.code == 1 and "doesn't hold the role “qa” for Kendal" in str(told)
    done = run(person, "revoke", "ingrid", "qa", "--site", "York", "--reason", "Moved to Kendal")
    assert done.output == "Ingrid Solheim is no longer qa for York.\n"
    (row,) = json.loads(run(person, "list", "--json").output)
    assert sorted((g["role"], g["product"]) for g in row["grants"]) == [("approver", ""), ("qa", "Tarn 4")]
    run(person, "revoke", "ingrid", "qa", "--reason", "Moved to sales")
    assert not people.holds(people.find("ingrid"), "qa", at=datetime.now(UTC), product="Tarn 4")
    assert events("ingrid")[-2:] == [("role.revoked", None), ("role.revoked", None)]
    assert refused(person, "revoke", "nobody", "qa", "--reason", "Moved").code == 1
    assert refused(person, "revoke", "ingrid", "approver", "--reason", " ").code == 1
    assert run(person, "revoke", "ingrid", "approver").exit_code == 2


def test_an_account_is_closed_with_its_tokens_and_its_name_is_never_given_again(installation: Any) -> None:
    from vouchsafe.api import tokens

    add("ingrid", "--role", "qa")
    text = run(token, "make", "ingrid", "--name", "x", "--scope", "records:read").stdout.strip()
    assert refused(person, "close", "ingrid", "--reason", "").code == 1
    assert tokens.find(text, now=datetime.now(UTC)) is not None
    done = run(person, "close", "ingrid", "--reason", "Left the company")
    assert done.output == "The account of Ingrid Solheim (ingrid) is closed.\n"
    assert tokens.find(text, now=datetime.now(UTC)) is None
    assert "Nobody yet" in run(person, "list").output
    assert refused(person, "close", "ingrid", "--reason", "Again").code == 1
    assert refused(person, "add", "ingrid", "--name", "N", "--email", "n@example.com").code == 1
    assert events("ingrid")[-1] == ("person.deactivated", None)


def test_an_account_that_owns_an_open_record_is_not_closed_and_it_is_named(installation: Any) -> None:
    from vouchsafe.kernel import acts, people

    add("marcus", "--role", "complaint_handler")
    marcus, now = people.find("marcus"), datetime.now(UTC)
    record = acts.open_record("complaint", "Pump stopped", by=marcus, at=now)
    told = refused(person, "close", "marcus", "--reason", "Left the company")
    assert told.code == 1 and record.number in str(told)
    assert people.find("marcus").is_active


def events(username: str) -> list[tuple[str, Any]]:
    """What is on somebody's trail: kinds, and by whom; None is the installation."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.kind, e.by_id FROM kernel_event e JOIN kernel_person p ON p.id = e.subject"
            " WHERE p.username = %s ORDER BY e.seq",
            [username],
        )
        return list(cursor.fetchall())


def test_administration_and_quality_are_never_one_persons(installation: Any) -> None:
    add("ingrid", "--role", "qa")
    assert "at once" in str(refused(person, "grant", "ingrid", "it_administrator"))


def test_the_roles_are_listed(installation: Any) -> None:
    assert "complaint_handler" in json.loads(run(person, "roles", "--json").output)


def test_a_token_is_printed_once_and_alone_on_standard_output(installation: Any) -> None:
    from vouchsafe.api import tokens

    add()
    done = run(token, "make", "ingrid", "--name", "nightly import", "--scope", "records:read", "--days", "7")
    text = done.stdout.strip()
    found = tokens.find(text, now=datetime.now(UTC))
    assert found is not None and found.scopes == "records:read" and (found.expires - found.made).days == 7
    listed = run(token, "list", "ingrid").output
    assert "nightly import" in listed and text not in listed
    (row,) = json.loads(run(token, "list", "ingrid", "--json").output)
    assert row["scopes"] == ["records:read"] and "token" not in row


def test_a_token_is_ended_by_its_id_and_only_its_own_persons(installation: Any) -> None:
    from vouchsafe.api import tokens

    for name in ("ingrid", "marcus"):
        add(name)
    text = run(token, "make", "ingrid", "--name", "x", "--scope", "records:read").stdout.strip()
    (row,) = json.loads(run(token, "list", "ingrid", "--json").output)
    assert row["id"] in run(token, "list", "ingrid").output
    assert refused(token, "revoke", "marcus", row["id"]).code == 1
    assert tokens.find(text, now=datetime.now(UTC)) is not None
    assert run(token, "revoke", "ingrid", row["id"]).exit_code == 0
    assert tokens.find(text, now=datetime.now(UTC)) is None
    assert "revoked" in run(token, "list", "ingrid").output
    assert refused(token, "revoke", "ingrid", row["id"]).code == 1
    assert run(token, "revoke", "ingrid", "no-id").exit_code == 2


@pytest.mark.parametrize("args", [("ingrid", "--scope", "records:sign"), ("nobody", "--scope", "logs:read")])
def test_a_token_for_nobody_or_for_an_unknown_scope_is_refused(
    installation: Any, args: tuple[str, ...]
) -> None:
    add()
    assert refused(token, "make", "--name", "x", *args).code == 1
    assert "has no token" in run(token, "list", "ingrid").output

"""Who gets in, and what every answer carries."""

import re

from tests.web.conftest import PASSWORD, Site

PRIVATE = [
    "/",
    "/tasks",
    "/fleet",
    "/fleet/devices",
    "/ledger",
    "/ledger/verify",
    "/list/capa",
    "/account",
    "/advisories",
]


def test_a_stranger_is_sent_to_sign_in_and_comes_back(site: Site) -> None:
    for path in PRIVATE:
        answer = site.client().get(path)
        assert answer.status_code == 302, path
        assert answer["Location"] == f"/login?next={path.replace('/', '%2F')}"


def test_each_page_answers_under_a_strict_policy(site: Site) -> None:
    client = site.client("ingrid")
    for path in (*PRIVATE, "/new", "/new/complaint", "/new/capa", "/search?q=capa", "/advisories/import"):
        answer = client.get(path)
        assert answer.status_code == 200, path
        policy = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert "unsafe" not in answer["Content-Security-Policy"]
        html = answer.content.decode()
        assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", html), f"{path}: inline style or handler"
        assert not re.search(r"<script(?![^>]*(src=|application/json))", html), path
        assert html.count("<h1") == 1, path
        assert answer["Cache-Control"] == "no-store"


def test_the_login_page_carries_the_policy_too(site: Site) -> None:
    answer = site.client().get("/login")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_a_password_signs_in_and_goes_where_one_wanted(site: Site) -> None:
    client = site.client()
    answer = client.post("/login", {"username": "ingrid", "password": PASSWORD, "next": "/tasks"})
    assert (answer.status_code, answer["Location"]) == (302, "/tasks")
    assert client.get("/tasks").status_code == 200


def test_the_way_back_never_leads_to_another_site(site: Site) -> None:
    answer = site.client().post(
        "/login", {"username": "ingrid", "password": PASSWORD, "next": "https://evil.example/"}
    )
    assert answer["Location"] == "/"


def test_the_email_address_signs_in_too_in_any_case_and_is_locked_out_alike(site: Site) -> None:
    for login in ("INGRID", "Ingrid@Fellside.Example"):
        assert site.client().post("/login", {"username": login, "password": PASSWORD}).status_code == 302, (
            login
        )
    for login in ("ingrid", "ingrid@fellside.example") * 3:
        site.client().post("/login", {"username": login, "password": "wrong-wrong-wrong"})
    answer = site.client().post("/login", {"username": "ingrid@fellside.example", "password": PASSWORD})
    assert answer.status_code == 403
    assert "Too many wrong passwords" in answer.content.decode()
    nobody = site.client().post("/login", {"username": "nobody@fellside.example", "password": PASSWORD})
    assert "User name or password is wrong" in nobody.content.decode()


def test_a_known_and_an_unknown_name_get_the_same_answer(site: Site) -> None:
    known = site.client().post("/login", {"username": "ingrid", "password": "wrong-wrong-wrong"})
    unknown = site.client().post("/login", {"username": "nobody", "password": "wrong-wrong-wrong"})
    assert known.status_code == unknown.status_code == 403
    assert "User name or password is wrong" in known.content.decode()
    assert "User name or password is wrong" in unknown.content.decode()


def test_five_wrong_passwords_lock_even_the_right_one_out(site: Site) -> None:
    client = site.client()
    for _ in range(5):
        client.post("/login", {"username": "ingrid", "password": "wrong-wrong-wrong"})
    answer = client.post("/login", {"username": "ingrid", "password": PASSWORD})
    assert answer.status_code == 403
    assert "Too many wrong passwords" in answer.content.decode()


def test_a_broken_passkey_answer_is_told_and_signs_nobody_in(site: Site) -> None:
    client = site.client()
    for assertion in ("", "not json", "[]", '{"id": 1}', "[" * 2000, '{"rawId": "AA", "response": 7}'):
        client.get("/login")
        answer = client.post("/login/passkey", {"assertion": assertion})
        assert answer.status_code == 403, assertion
        assert client.get("/").status_code == 302


def test_a_form_without_the_token_of_the_session_is_refused(site: Site) -> None:
    from django.test import Client

    client = Client(HTTP_HOST="localhost", enforce_csrf_checks=True)
    client.force_login(site.who["ingrid"], backend="django.contrib.auth.backends.ModelBackend")
    assert client.post("/new/complaint", {"title": "x"}).status_code == 403


def test_a_signed_out_fragment_says_so_instead_of_a_login_page_inside_the_page(site: Site) -> None:
    assert site.client().get("/home/fleet", headers={"HX-Request": "true"}).status_code == 401


def test_who_holds_no_role_sees_no_record_of_others(site: Site) -> None:
    opened = site.client("marcus").post("/new/complaint", {"title": "Battery ended early"})
    number = opened["Location"].rsplit("/", 1)[1]
    assert site.client("marcus").get(f"/records/{number}").status_code == 200
    answer = site.client("samir").get(f"/records/{number}")
    assert answer.status_code == 404
    assert "Battery" not in answer.content.decode()


def test_changing_the_password_needs_the_old_one_and_two_equal_new_ones(site: Site) -> None:
    client = site.client("ingrid")
    new = "ten-fells-and-a-beck-77"
    differ = client.post("/account", {"password": PASSWORD, "new": new, "again": new + "x"})
    assert differ.status_code == 422
    wrong = client.post("/account", {"password": "wrong-wrong-wrong", "new": new, "again": new})
    assert wrong.status_code == 422
    assert client.post("/account", {"password": PASSWORD, "new": new, "again": new}).status_code == 302
    assert site.client().post("/login", {"username": "ingrid", "password": new})["Location"] == "/"

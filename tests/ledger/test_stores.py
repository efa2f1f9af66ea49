"""Stores: create-only names, and what is left when any single system call fails."""

import os
import stat

import pytest

from vouchsafe.ledger import keyfiles, stores
from vouchsafe.ledger.errors import Exists, Malformed, Missing
from vouchsafe.ledger.stores import FolderStore, MemoryStore

CALLS = ("open", "write", "fsync", "close", "link", "unlink", "replace", "mkdir")


@pytest.fixture(params=["folder", "memory"])
def store(request, tmp_path):
    return FolderStore(tmp_path / "store") if request.param == "folder" else MemoryStore()


def test_an_object_is_created_once_and_never_changed(store):
    store.create("a/b/c", b"one")
    with pytest.raises(Exists, match="a/b/c"):
        store.create("a/b/c", b"two")
    assert store.get("a/b/c") == b"one"
    assert store.exists("a/b/c") and not store.exists("a/b")


def test_create_all_says_what_was_there(store):
    store.create("a/1", b"old")
    assert store.create_all([("a/1", b"new"), ("a/2", b"new")]) == ["a/1"]
    assert (store.get("a/1"), store.get("a/2")) == (b"old", b"new")


def test_put_replaces(store):
    store.put("checkpoint", b"one")
    store.put("checkpoint", b"two")
    assert store.get("checkpoint") == b"two"


def test_list_is_sorted_by_prefix(store):
    for name in ("t/0/000.p/2", "t/0/000.p/10", "t/0/000", "u/1"):
        store.create(name, b"x")
    assert sorted(store.list("t/0/000.p/")) == ["t/0/000.p/10", "t/0/000.p/2"]
    assert list(store.list("nothing/")) == []
    assert len(list(store.list(""))) == 4


def test_delete_leaves_nothing_and_may_be_repeated(store):
    store.create("a/b", b"x")
    store.delete("a/b")
    store.delete("a/b")
    with pytest.raises(Missing):
        store.get("a/b")


def test_reading_is_limited(store):
    store.create("a", b"x" * 10)
    assert store.get("a", max_bytes=10) == b"x" * 10
    with pytest.raises(Malformed, match="at most 9 bytes"):
        store.get("a", max_bytes=9)


@pytest.mark.parametrize(
    "name",
    ["", "/a", "a/", "a//b", "..", "a/../b", ".hidden", "a/.new-1", "a b", "a\0b", "é", "x" * 401, "a\n"],
)
def test_no_name_leaves_the_store(store, name):
    for act in (
        store.get,
        store.exists,
        store.delete,
        lambda n: store.create(n, b""),
        lambda n: store.put(n, b""),
    ):
        with pytest.raises(Malformed, match="object name"):
            act(name)


def test_a_folder_is_not_an_object(tmp_path):
    store = FolderStore(tmp_path)
    store.create("a/b", b"x")
    for name in ("a", "a/b/c", "z"):
        with pytest.raises(Missing):
            store.get(name)


def test_what_cannot_be_read_in_a_folder_is_named(tmp_path):
    store = FolderStore(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Malformed, match="loop: expected a file that can be read, got .*symbolic links"):
        store.get("loop")
    with pytest.raises(Malformed, match="pipe: expected a file, got something else"):
        store.get("pipe")


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    def refused(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(stores.os, "open", refused)
    with pytest.raises(Malformed, match="a: expected a file that can be read, got 'Permission denied'"):
        FolderStore(tmp_path).get("a")


def test_leftover_temporary_files_are_not_listed(tmp_path):
    store = FolderStore(tmp_path)
    store.create("a/b", b"x")
    (tmp_path / "a" / ".new-1-2-3").write_bytes(b"half")
    assert list(store.list("")) == ["a/b"]


class PowerLoss(OSError):
    pass


def failing(monkeypatch, call, number, *, after):
    """Let the given call fail at its n-th use, before or after it takes effect; gives how often it was used."""
    real = getattr(os, call)
    used = []

    def fake(*args, **kwargs):
        used.append(call)
        if len(used) != number:
            return real(*args, **kwargs)
        if after or call == "close":
            real(*args, **kwargs)
        raise PowerLoss(call)

    monkeypatch.setattr(stores.os, call, fake)
    return used


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("act", ["create", "put"])
def test_a_failing_call_leaves_nothing_or_the_whole_object(tmp_path, call, after, act):
    number = 0
    while True:
        number += 1
        folder = tmp_path / f"{number}"
        store = FolderStore(folder)
        with pytest.MonkeyPatch.context() as patch:
            used = failing(patch, call, number, after=after)
            try:
                getattr(store, act)("a/b/object", b"payload" * 100)
                failed = False
            except PowerLoss:
                failed = True
        again = FolderStore(folder)
        found = [(name, again.get(name)) for name in again.list("")] if folder.exists() else []
        assert found in ([], [("a/b/object", b"payload" * 100)])
        if not failed:
            assert found
        if len(used) < number:
            assert not failed
            break
        # The caller tries again: it is made, or found whole.
        if act == "create":
            again.create_all([("a/b/object", b"payload" * 100)])
        else:
            again.put("a/b/object", b"payload" * 100)
        assert again.get("a/b/object") == b"payload" * 100


def test_the_bytes_are_durable_before_the_name_and_the_name_before_the_return(tmp_path, monkeypatch):
    order = []
    for call in ("fsync", "link", "replace"):
        real = getattr(os, call)

        def spy(*args, _call=call, _real=real):
            kind = ""
            if _call == "fsync":
                kind = " folder" if stat.S_ISDIR(os.fstat(args[0]).st_mode) else " file"
            order.append(_call + kind)
            return _real(*args)

        monkeypatch.setattr(stores.os, call, spy)
    store = FolderStore(tmp_path / "new")
    store.create("a/object", b"x")
    assert order == ["fsync folder", "fsync folder", "fsync file", "link", "fsync folder"]
    order.clear()
    store.put("a/object", b"y")
    assert order == ["fsync file", "replace", "fsync folder"]
    order.clear()
    with pytest.raises(Exists):
        store.create("a/object", b"z")
    assert order == ["fsync folder"]


def test_two_writers_of_one_name_make_one_object(tmp_path, monkeypatch):
    store, other = FolderStore(tmp_path), FolderStore(tmp_path)
    real = os.link

    def late(source, target):
        other.create("object", b"other")
        monkeypatch.setattr(stores.os, "link", real)
        return real(source, target)

    monkeypatch.setattr(stores.os, "link", late)
    real_create = other.create
    other.create = lambda name, data: (monkeypatch.setattr(stores.os, "link", real), real_create(name, data))
    with pytest.raises(Exists):
        store.create("object", b"mine")
    assert store.get("object") == b"other"
    assert [p.name for p in tmp_path.iterdir()] == ["object"]


def test_keys_are_made_once_for_their_owner_only(tmp_path):
    folder = tmp_path / "keys"
    first = keyfiles.load_or_create(folder, "log-a.key")
    assert len(first) == 32 and keyfiles.load_or_create(folder, "log-a.key") == first
    assert (folder / "log-a.key").stat().st_mode & 0o777 == 0o600
    assert [p.name for p in folder.iterdir()] == ["log-a.key"]
    signer = keyfiles.log_signer(folder, "demo.example/fleet/0")
    assert signer.name == "demo.example/fleet/0"
    assert (folder / "log-demo.example-fleet-0.key").exists()


def test_a_key_that_others_can_read_or_that_is_none_is_refused(tmp_path):
    path = tmp_path / "a.key"
    path.write_text("00" * 32)
    path.chmod(0o644)
    with pytest.raises(Malformed, match="0600"):
        keyfiles.load(path)
    path.chmod(0o600)
    assert keyfiles.load(path) == bytes(32)
    path.write_text("secret but short")
    with pytest.raises(Malformed) as caught:
        keyfiles.load(path)
    assert "secret" not in str(caught.value)
    with pytest.raises(Malformed, match="key name"):
        keyfiles.load_or_create(tmp_path, "../a")


def test_two_processes_that_make_a_key_at_once_agree(tmp_path, monkeypatch):
    real = os.link

    def late(source, target):
        (tmp_path / "a.key").write_text("11" * 32)
        (tmp_path / "a.key").chmod(0o600)
        return real(source, target)

    monkeypatch.setattr(keyfiles.os, "link", late)
    assert keyfiles.load_or_create(tmp_path, "a.key") == bytes.fromhex("11" * 32)

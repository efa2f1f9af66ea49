"""`vouchsafe log`: check a transparency log from its bytes, make proofs and check them. Needs no database."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
from click.exceptions import Exit

from vouchsafe.cli.errors import CommandError
from vouchsafe.ledger import audit, checkpoints, limits, notes, policy, proofs, tree
from vouchsafe.ledger.checkpoints import Checkpoint
from vouchsafe.ledger.errors import (
    LedgerError,
    Malformed,
    Missing,
    ProofError,
    SignatureError,
    Tampered,
    brief,
)
from vouchsafe.ledger.reader import Reader, Unreachable, source_of
from vouchsafe.ledger.stores import Source

MAX_ENTRY_FILE = 65_535
UNVERIFIED = "unverified"
"""What a checkpoint is called that no key of the reader's was asked about."""

_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_AT = click.option(
    "--checkpoint",
    "checkpoint_file",
    help="A signed checkpoint of the log, kept earlier: judge the log by it instead of by its newest.",
)


@click.group(
    epilog="Example: vouchsafe log fsck https://log.example/log/records --vkey 'log.example/records+c0ff…'"
)
def log() -> None:
    """Check a transparency log (C2SP tlog-tiles) and make or check its proofs.

    PLACE is a folder that holds `checkpoint` and `tile/`, or the URL of one. A log is believed only by its
    key: get the vkey from its owner, not from the log's own server.
    """


@log.command(
    epilog="Example: vouchsafe log fsck var/logs/records --vkey 'demo.example/records+c0ffee00+AbC…' --leaves"
)
@click.argument("place")
@click.option("--vkey", "vkeys", multiple=True, required=True, help="A key of the log; may be repeated.")
@click.option(
    "--leaves", "with_leaves", is_flag=True, help="Also check the form and chains of Vouchsafe's leaves."
)
@_AT
@_JSON
def fsck(
    place: str, vkeys: tuple[str, ...], with_leaves: bool, checkpoint_file: str | None, as_json: bool
) -> None:
    """Hash the whole log again and compare it with its signed checkpoint.

    Every entry, every tile and the root come from bytes; nothing that is stored is believed. Exit 0: sound.
    Exit 1: not signed by this key, or some byte is not what was signed; the first bad place is named. Exit
    2: unreadable.
    """
    keys = [_vkey(key) for key in vkeys]
    check = audit.ChainCheck().see if with_leaves else None
    with _told(), _bar("Hashing") as progress:
        reader = Reader(_source(place, checkpoint_file))
        report = audit.fsck(reader, *keys, leaf_check=check, progress=progress)
    bad = report.first_bad
    if as_json:
        found = {"place": bad.place, "expected": bad.expected, "got": bad.got} if bad else None
        _json(
            origin=report.origin,
            size=report.size,
            root=report.root.hex(),
            hashed=report.hashed,
            leaves_checked=with_leaves,
            sound=report.is_sound,
            first_bad=found,
        )
    else:
        click.echo(f"log     {report.origin}\nsize    {report.size}\nroot    {report.root.hex()}")
        click.echo(f"hashed  {report.hashed} entries and all tiles above them")
        click.echo("sound" if bad is None else f"NOT SOUND  {bad}")
    raise Exit(0 if report.is_sound else 1)


@log.command(
    epilog="Example: vouchsafe log prove var/logs/records 41 --vkey 'demo.example/records+…' > 41.tlog-proof"
)
@click.argument("place")
@click.argument("index", type=click.IntRange(min=0))
@click.option(
    "--vkey", "vkeys", multiple=True, help="A key of the log. Without it the checkpoint is not verified."
)
@click.option("--without-entry", is_flag=True, help="Leave the entry out of the file's `extra` line.")
@click.option("-o", "--output", help="Write the proof to this file instead of standard output.")
@_AT
@_JSON
def prove(
    place: str,
    index: int,
    vkeys: tuple[str, ...],
    without_entry: bool,
    output: str | None,
    checkpoint_file: str | None,
    as_json: bool,
) -> None:
    """Print the tlog-proof that entry INDEX is in the log's newest checkpoint.

    The file holds the checkpoint with its signatures and, in its `extra` line, the entry itself, so that
    `vouchsafe log check` needs nothing else. Any C2SP tool can read it. With --json the object says what the
    proof holds, and `proof` is its text. Without --vkey the proof is only put together: whether the log signed
    its checkpoint is for `log check` to say.

    Exit 0: proved. Exit 1: the log's bytes are not what its checkpoint says. Exit 2: unreadable, or there is no
    such entry.
    """
    reader = Reader(_source(place, checkpoint_file))
    with _told():
        checkpoint = _newest(reader, vkeys)
        if index >= checkpoint.size:
            entries = f"0..{checkpoint.size - 1}" if checkpoint.size else "a log that is not empty"
            raise CommandError(f"index: expected {entries}, got {index}")
        proof = reader.prove(index)
        entry = None if without_entry else reader.entry(index)
    data = proofs.make(proof.index, proof.hashes, proof.note, entry).encode()
    if output:
        _write(output, data)
    if as_json:
        _json(
            origin=checkpoint.origin,
            size=checkpoint.size,
            root=checkpoint.root.hex(),
            index=index,
            hashes=[value.hex() for value in proof.hashes],
            checkpoint="verified" if vkeys else UNVERIFIED,
            proof=data.decode(),
        )
    elif not output:
        sys.stdout.buffer.write(data)
    if not vkeys:
        click.echo(f"checkpoint {UNVERIFIED}: no --vkey given", err=True)


@log.command(epilog="Example: vouchsafe log check 41.tlog-proof --vkey 'demo.example/records+c0ffee00+AbC…'")
@click.argument("proof")
@click.option("--vkey", "vkeys", multiple=True, help="A key of the log; may be repeated.")
@click.option(
    "--policy", "policy_file", help="A C2SP tlog-policy file instead: logs, witnesses and the quorum."
)
@click.option("--entry", "entry_file", help="The entry's bytes, when the proof does not carry them.")
@_JSON
def check(
    proof: str, vkeys: tuple[str, ...], policy_file: str | None, entry_file: str | None, as_json: bool
) -> None:
    """Check PROOF (a tlog-proof file, or - for standard input): signature, quorum, inclusion. Offline.

    Exit 0: the entry is in a checkpoint that your key or policy accepts. Exit 1: it is not. Exit 2:
    unreadable.
    """
    if bool(vkeys) == bool(policy_file):
        raise CommandError(
            "options: expected either --vkey or --policy, got " + ("both" if vkeys else "none")
        )
    with _told():
        if policy_file:
            trust = policy.parse(_read(policy_file, limits.MAX_POLICY_BYTES), policy_file)
        else:
            trust = policy.of_log(*(_vkey(key) for key in vkeys))
        parsed = proofs.parse(_read(proof, limits.MAX_PROOF_BYTES), proof)
        entry = _read(entry_file, MAX_ENTRY_FILE) if entry_file else parsed.extra
        if entry is None:
            raise CommandError(f"{proof}: expected the entry in an extra line or by --entry, got neither")
        try:
            accepted = parsed.verify(tree.leaf_hash(entry), trust, proof)
        except (SignatureError, ProofError) as error:
            if as_json:
                _json(holds=False, index=parsed.index, reason=str(error))
            else:
                click.echo(f"DOES NOT HOLD  {error}")
            raise Exit(1) from None
    checkpoint = accepted.checkpoint
    if as_json:
        _json(
            holds=True,
            index=parsed.index,
            origin=checkpoint.origin,
            size=checkpoint.size,
            root=checkpoint.root.hex(),
            leaf_hash=tree.leaf_hash(entry).hex(),
            witnesses=dict(accepted.witnessed),
        )
        return
    click.echo(
        f"holds: entry {parsed.index} of {checkpoint.origin}, in the checkpoint of size {checkpoint.size}"
    )
    for name, seconds in accepted.witnessed.items():
        click.echo(f"witnessed by {name} at {seconds} (POSIX seconds)")


@log.command(
    epilog="Example: vouchsafe log consistency last-month https://log.example/log/a --vkey 'log.example/a+c0ff…'"
)
@click.argument("a")
@click.argument("b")
@click.option(
    "--vkey", "vkeys", multiple=True, help="A key of the log. Without it the checkpoints are not verified."
)
@click.option("--log", "tiles", help="Where the tiles are, when A and B are both checkpoint files.")
@_JSON
def consistency(a: str, b: str, vkeys: tuple[str, ...], tiles: str | None, as_json: bool) -> None:
    """Does the later of two checkpoints continue the earlier one, or was history rewritten?

    A and B are checkpoint files, folders or URLs of a log. Keep a checkpoint file now and then: it is what
    a later rewriting is proved with. Without --vkey nobody has vouched for either of them, and the answer says
    so.

    Exit 0: consistent. Exit 1: a fork, or not signed by your key. Exit 2: unreadable.
    """
    with _told():
        first, second = _checkpoint_at(a, vkeys), _checkpoint_at(b, vkeys)
        old, new = sorted((first, second), key=lambda found: found[0].size)
        if old[0].origin != new[0].origin:
            raise CommandError(f"{b}: expected a checkpoint of {first[0].origin}, got {second[0].origin}")
        reason = _fork(old[0], new[0], tiles or new[1] or old[1], vkeys)
    if as_json:
        _json(
            consistent=reason is None,
            origin=old[0].origin,
            old_size=old[0].size,
            new_size=new[0].size,
            old_root=old[0].root.hex(),
            new_root=new[0].root.hex(),
            checkpoints="verified" if vkeys else UNVERIFIED,
            reason=reason,
        )
    else:
        unverified = "" if vkeys else f" (checkpoints {UNVERIFIED}: no --vkey given)"
        holds = f"consistent: size {new[0].size} of {new[0].origin} continues size {old[0].size}"
        click.echo((holds if reason is None else f"NOT CONSISTENT  {reason}") + unverified)
    raise Exit(0 if reason is None else 1)


def _fork(old: Checkpoint, new: Checkpoint, place: str | None, vkeys: tuple[str, ...]) -> str | None:
    """How the new checkpoint contradicts the old one, or None.

    Raises: Tampered when the tiles are not those of the new checkpoint: then they say nothing about either.
    """
    for one in (old, new):  # C2SP tlog-witness: size 0 has this root and no other
        if one.size == 0 and one.root != tree.EMPTY_ROOT:
            return f"size 0: expected root {tree.EMPTY_ROOT.hex()}, got {one.root.hex()}"
    if old.size == new.size:
        roots = f"root {old.root.hex()} in one, root {new.root.hex()} in the other"
        return None if old.root == new.root else f"fork: two checkpoints of size {new.size}: {roots}"
    if old.size == 0:  # every log continues the empty one
        return None
    if place is None:
        raise CommandError("--log: expected the folder or URL of the tiles, got only checkpoint files")
    reader = _tiles_for(new, place, vkeys)
    found = reader.root_at(new.size)
    if found != new.root:
        raise Tampered(f"{place} tiles of size {new.size}", f"root {new.root.hex()}", found.hex())
    try:
        reader.consistency(old.size, new.size)
    except ProofError as error:
        raise Tampered(
            f"{place} tiles of size {old.size}", "those of the later checkpoint", str(error)
        ) from None
    found = reader.root_at(old.size)  # proven now: this is what the later checkpoint says of that size
    if found == old.root:
        return None
    told = "signed" if vkeys else "claimed"
    return (
        f"fork: root {old.root.hex()} of size {old.size} is {told}, but the log that size {new.size} "
        f"with root {new.root.hex()} stands for had root {found.hex()} then"
    )


def _tiles_for(checkpoint: Checkpoint, place: str, vkeys: tuple[str, ...]) -> Reader:
    """A reader of tiles that reach to this checkpoint. The log may have grown since: then its newest checkpoint
    says how wide its partial tiles are, if the same keys have signed it (C2SP tlog-tiles).
    """
    size = checkpoint.size
    with suppress(Missing, Malformed, SignatureError):
        size = max(size, _newest(Reader(_place(place)), vkeys).size)
    return Reader(_place(place), size=size)


def _checkpoint_at(place: str, vkeys: tuple[str, ...]) -> tuple[Checkpoint, str | None]:
    """The checkpoint of a file, or of the log at a folder or URL; and where its tiles are."""
    if "://" in place or Path(place).is_dir():
        return _newest(Reader(_place(place)), vkeys), place
    return _open(_read(place, limits.MAX_NOTE_BYTES), vkeys, place), None


def _newest(reader: Reader, vkeys: tuple[str, ...]) -> Checkpoint:
    """The log's newest checkpoint; without keys unverified, to put a proof together for others to verify."""
    if vkeys:
        return reader.checkpoint(*(_vkey(key) for key in vkeys))
    note = reader.source.get("checkpoint", max_bytes=limits.MAX_NOTE_BYTES)
    checkpoint = _open(note, vkeys, "checkpoint")
    reader.use(checkpoint, note)
    return checkpoint


def _open(note: bytes, vkeys: tuple[str, ...], place: str) -> Checkpoint:
    if vkeys:
        return checkpoints.open_checkpoint(note, [_vkey(key) for key in vkeys], place)
    return checkpoints.parse_body(notes.parse_note(note, place).unverified_text, place)


def _vkey(text: str) -> notes.Verifier:
    try:
        return notes.parse_vkey(text, "--vkey")
    except Malformed as error:
        raise CommandError(str(error)) from None


def _place(text: str) -> str | Path:
    if "://" in text:
        return text
    if not Path(text).is_dir():
        raise CommandError(f"{brief(text)}: expected a folder with a log, or a URL, got neither")
    return Path(text)


class _WithCheckpoint:
    """A log's objects, with a checkpoint of the reader's own in place of the log's."""

    def __init__(self, source: Source, note: bytes) -> None:
        self.source, self.note = source, note

    def get(self, name: str, *, max_bytes: int | None = None) -> bytes:
        if name == "checkpoint":
            return self.note
        return self.source.get(name, max_bytes=max_bytes)


def _source(place: str, checkpoint_file: str | None) -> Source:
    source = source_of(_place(place))
    if checkpoint_file is None:
        return source
    return _WithCheckpoint(source, _read(checkpoint_file, limits.MAX_NOTE_BYTES))


def _write(name: str, data: bytes) -> None:
    try:
        Path(name).write_bytes(data)
    except OSError as error:
        raise CommandError(
            f"{brief(name)}: expected a file that can be written, got “{error.strerror}”"
        ) from None


def _read(name: str, limit: int) -> bytes:
    """A file's bytes, or standard input's for `-`; never more than the limit."""
    try:
        if name == "-":
            data = sys.stdin.buffer.read(limit + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(limit + 1)
    except OSError as error:
        raise CommandError(f"{brief(name)}: expected a readable file, got “{error.strerror}”") from None
    if len(data) > limit:
        raise CommandError(f"{brief(name)}: expected at most {limit} bytes, got more")
    return data


@contextmanager
def _told() -> Iterator[None]:
    """Foreseen errors as one line: 1 for what does not hold, 2 for what cannot be read."""
    try:
        yield
    except Missing as error:
        raise CommandError(f"{error.name}: expected an object, got none") from None
    except (Malformed, Unreachable) as error:
        raise CommandError(str(error)) from None
    except (SignatureError, ProofError, Tampered) as error:
        raise CommandError(f"does not hold: {error}", code=1) from None
    except LedgerError as error:
        raise CommandError(str(error)) from None


@contextmanager
def _bar(label: str) -> Iterator[audit.Progress | None]:
    """A progress bar on standard error, when somebody is looking."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _json(**values: Any) -> None:
    click.echo(json.dumps(values, ensure_ascii=False))

"""A hospital's gateway: keeps evidence in a durable outbox and sends it in batches until it is acknowledged.

Sending is repeated until the answer holds a leaf index for each item; the server answers a repetition with
the old index, so a lost answer does no harm. The gateway cannot make or change evidence, only delay it.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from typing import Any, NamedTuple

import httpx

from vouchsafe.agent.outbox import Outbox
from vouchsafe.attest import batch, limits

FIRST_BACKOFF_MS = 1_000
MAX_BACKOFF_MS = 300_000
_COMPRESS_FROM = 1_400  # bytes: one network packet


class Leaf(NamedTuple):
    """Where the server has put one item."""

    log: str
    ix: int


class Sent(NamedTuple):
    """What came of one attempt. `problem` is empty when the server took the batch."""

    leaves: tuple[Leaf, ...]
    problem: str = ""
    refused: int = 0


class Gateway:
    """One gateway. The clock is passed in; the HTTP client is the caller's, with its time-outs and
    certificates.
    """

    def __init__(self, name: str, *, url: str, token: str, outbox: Outbox, client: httpx.Client) -> None:
        self.name = name
        self.outbox = outbox
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._client = client
        self._most = limits.MAX_BATCH_ITEMS
        self._failures = 0
        self.next_try_ms = 0

    def put(self, items: Sequence[batch.Item]) -> None:
        """Take items from devices; durable when this returns."""
        self.outbox.put(item.raw for item in items)

    def nonce(self) -> bytes:
        """The nonce for evidence made now. Raises: httpx.HTTPError, ValueError when the answer is not one."""
        answer = self._client.get(f"{self._url}/v1/nonce", headers=self._headers)
        answer.raise_for_status()
        found = bytes.fromhex(_field(answer, "nonce", str))
        if len(found) != 32:
            raise ValueError(f"expected a nonce of 32 bytes, got {len(found)}")
        return found

    def send(self, now_ms: int) -> Sent | None:
        """Send the oldest items once. None: nothing to send, or not yet time to try again."""
        if now_ms < self.next_try_ms:
            return None
        taken = self.outbox.oldest(self._most, limits.MAX_BATCH_BYTES)
        if not taken:
            return None
        body = b"".join([raw for _, raw in taken])
        headers = {**self._headers, "Content-Type": batch.MEDIA_TYPE}
        if len(body) >= _COMPRESS_FROM:
            body = gzip.compress(body, 6, mtime=0)
            headers["Content-Encoding"] = "gzip"
        try:
            answer = self._client.post(f"{self._url}/v1/evidence", content=body, headers=headers)
        except httpx.HTTPError as error:
            return self._later(now_ms, f"{type(error).__name__}: {error}")
        if answer.status_code == 200:
            return self._taken(answer, taken, now_ms)
        if answer.status_code in (400, 413, 422):
            return self._refused(answer, taken)
        return self._later(now_ms, f"HTTP {answer.status_code}", answer.headers.get("Retry-After", ""))

    def _taken(self, answer: httpx.Response, taken: list[tuple[int, bytes]], now_ms: int) -> Sent:
        try:
            answers = _field(answer, "items", list)
            leaves = [Leaf(str(one["log"]), int(one["index"])) for one in answers]
        except (KeyError, TypeError, ValueError) as error:
            return self._later(now_ms, f"an answer that is not one: {error}")
        if len(leaves) != len(taken):
            return self._later(now_ms, f"expected {len(taken)} leaf indexes, got {len(leaves)}")
        kept, refused = [], 0
        for (number, _), leaf, said in zip(taken, leaves, answers, strict=True):
            if leaf.ix >= 0:
                kept.append(number)
            else:  # No leaf, and none to come: as for a device that nobody enrolled.
                self.outbox.set_aside(number, str(said.get("error", "refused")))
                refused += 1
        self.outbox.acknowledged(kept)
        self._failures = 0
        self._most = min(self._most * 2, limits.MAX_BATCH_ITEMS)
        return Sent(tuple([leaf for leaf in leaves if leaf.ix >= 0]), refused=refused)

    def _refused(self, answer: httpx.Response, taken: list[tuple[int, bytes]]) -> Sent:
        """Find the item that the server cannot read, by sending fewer, and set it alone aside."""
        problem = f"HTTP {answer.status_code}: {answer.text[:300]}"
        if len(taken) > 1:
            self._most = max(len(taken) // 2, 1)
            return Sent((), problem)
        self.outbox.set_aside(taken[0][0], problem)
        return Sent((), problem, refused=1)

    def _later(self, now_ms: int, problem: str, retry_after: str = "") -> Sent:
        wait_ms = min(FIRST_BACKOFF_MS << min(self._failures, 20), MAX_BACKOFF_MS)
        if retry_after.isascii() and retry_after.isdigit():
            wait_ms = max(wait_ms, min(int(retry_after) * 1000, MAX_BACKOFF_MS))
        # Spread the gateways of one server apart, the same way each time for one name.
        wait_ms += sum(self.name.encode()) * 7919 % max(wait_ms // 4, 1)
        self._failures += 1
        self.next_try_ms = now_ms + wait_ms
        return Sent((), problem)


def _field(answer: httpx.Response, name: str, kind: type) -> Any:
    found = answer.json()
    if not isinstance(found, dict) or not isinstance(found.get(name), kind):
        raise ValueError(f"expected an object with {name}")
    return found[name]

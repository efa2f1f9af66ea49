"""Transparency logs of the C2SP tlog-tiles kind: written, read, proved and checked. No database, no clock.

Start with `reader.Reader` to read a log, `proofs.parse` to check a proof, `log.Writer` to write one,
`audit.fsck` to check everything. Formats: docs/formats/log.md.

>>> from vouchsafe.ledger import audit, head, leaves, log, notes, policy, proofs, reader, stores, tree
>>> origin, public = "log.example/records", stores.MemoryStore()
>>> signer = notes.Signer(origin, bytes(32))
>>> writer = log.Writer(origin, head.MemoryHead(origin), stores.MemoryStore(), public, [signer])
>>> state = writer.take_over()
>>> salt, payload = bytes(32), b"kept elsewhere"
>>> item = log.Pending("0" * 32, "record.event", "s:kernel", leaves.commitment(salt, payload), {"version": 1})
>>> [done] = writer.append([item], at_ms=1766361600000)
>>> writer.checkpoint(at_ms=1766361600000).checkpoint.size
1

Anybody with the log's key reads it, proves an entry and checks the whole of it:

>>> vkey = signer.verifier.vkey
>>> reading = reader.Reader(public)  # or a folder's path, or a URL
>>> checkpoint = reading.checkpoint(vkey)
>>> proof = proofs.parse(reading.prove(0).encode())
>>> trust = policy.of_log(notes.parse_vkey(vkey))
>>> proof.verify(tree.leaf_hash(reading.entry(0)), trust).checkpoint == checkpoint
True
>>> audit.fsck(reader.Reader(public), vkey).is_sound
True
"""

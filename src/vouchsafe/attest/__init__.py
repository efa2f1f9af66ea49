"""Evidence of devices: formats, keys, enrolment, and the appraisal that turns bytes into a verdict.

Promises: pure functions of their arguments; no clock, no network, no database, no Django. `verify.check`
never raises for bad evidence: it answers with a verdict that says why. Parsers raise `errors.Malformed` with
the place, and nothing else. Does not: fetch keys, decide which evidence came before (the caller passes
`Prior`), or store anything. Start at `verify.check`, then `docs/formats/eat-profile.md`.
"""

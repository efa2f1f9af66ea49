"""Devices in the field: who they are, what they were measured to run, and which of them a defect reaches.

Start with `intake.Intake.take` (evidence in), `timeline` (how proofs become intervals), `queries` (what a
page asks), `impact` and `population` (from an advisory to units). Verdicts are made in `vouchsafe.attest`;
leaves and proofs in `vouchsafe.ledger`. This package never decides what a verdict leads to: processes listen
for that.
"""

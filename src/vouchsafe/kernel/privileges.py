"""What the application's database role may do beyond SELECT and INSERT; every table not named is append-only.

Columns are named where only some may change, so a record's number, process and opening can't be rewritten
even by a statement that the triggers of migration 0002 would let through.
"""

MUTABLE: dict[str, str] = {
    "kernel_person": (
        "UPDATE (password, last_login, email, full_name, job_title, zone, is_active, failures, locked_until)"
    ),
    "kernel_record": (
        "UPDATE (title, state, owner_id, due, closed, version, revision, entered, entered_at, trail, "
        "changed, facts, story, words)"
    ),
    "kernel_counter": "UPDATE (value)",
    "kernel_ceremony": "UPDATE (used)",
    "kernel_keyuse": "UPDATE (sign_count, at)",
    "kernel_draft": "UPDATE, DELETE",
    "kernel_subjectkey": "DELETE",
    "log_head": "UPDATE (fence, next_index, size, root, at_last)",
    "subject_head": "UPDATE (seq, ix, head_hash, at)",
}

"""What the application's role may do to the fleet's tables beyond SELECT and INSERT (table to privileges)."""

MUTABLE: dict[str, str] = {
    "fleet_gateway": "UPDATE (revoked_at)",
    "fleet_station": "UPDATE (revoked_at)",
    "fleet_gap": "UPDATE (sup_ix)",
    "fleet_identity": "UPDATE (t1, sup_ix)",
    "fleet_device_state": "UPDATE (t1, last_ix, closed_ix, sup_ix)",
    # The hot row a device: derived from the log, rebuilt from it at any time (`rebuild.py`).
    "fleet_head": "UPDATE",
    "fleet_member": "UPDATE (status, move)",
}

"""What the application's role may change in place: a token's end and its last use, never whose it is or what it may."""

MUTABLE: dict[str, str] = {"api_token": "UPDATE (revoked, used)"}

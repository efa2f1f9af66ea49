"""The API's tokens for the command line, which may import this package and not the API itself."""

from vouchsafe.api.tokens import LONGEST, SCOPES, make, of, revoke

__all__ = ["LONGEST", "SCOPES", "make", "of", "revoke"]

"""Wire formats: deterministic CBOR, COSE_Sign1, and the EAT claims of our profile."""

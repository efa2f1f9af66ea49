"""What is read at most. Past a limit a text is refused with its place; none can be switched off."""

MAX_CHARS = 2_500
"""Characters of one text. The largest symbol that GS1 allows on a device (Data Matrix 144 × 144) holds 2,335."""

MAX_ELEMENTS = 64
"""Elements of one text. A label has fewer than ten; repeats count."""

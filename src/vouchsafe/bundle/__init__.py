"""Audit bundles: one zip that a stranger can read and verify without us (docs/formats/bundle.md).

`Contents` is what goes in, `Draft` fixes it and says what the log must hold (`announcement`),
`Draft.assemble` and `Draft.save` make the file once that entry is proven. `verify` is the verifier, which
shares no code with the rest and travels in each bundle.
"""

from vouchsafe.bundle.contents import Contents, Entry, Range
from vouchsafe.bundle.errors import BundleError
from vouchsafe.bundle.write import Draft, Proved

__all__ = ["BundleError", "Contents", "Draft", "Entry", "Proved", "Range"]

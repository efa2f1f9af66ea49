"""The error of this package. (`verify` has its own: it shares no code.)"""


class BundleError(Exception):
    """A bundle can't be made of this: what is missing or contradicts itself, in a sentence."""

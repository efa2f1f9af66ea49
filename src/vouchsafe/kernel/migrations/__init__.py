"""Schema of the kernel, in order."""

"""The shell that runs everything: settings, addresses, the supervisor and its children, and the demonstration."""

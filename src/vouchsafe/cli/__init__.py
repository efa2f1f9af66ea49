"""The command line. Each module is one command or group; `main` finds them by name when they're asked for."""

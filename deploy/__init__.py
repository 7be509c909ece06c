"""Running it: settings, the command line, the local stack, the demo."""

"""The demo: live profiles of real people from a replayed stream of their messages."""

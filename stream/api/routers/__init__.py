"""The routes: one router a file."""

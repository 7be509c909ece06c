"""Strategies of continual learning, measured beside each other on tasks that come one after the other."""

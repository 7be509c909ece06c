"""Where profiles are kept: Redis, and its in-memory twin."""

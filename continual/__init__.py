"""Learning that goes on while the stream runs: closed-form heads from feedback, in seconds, forgetting nothing."""

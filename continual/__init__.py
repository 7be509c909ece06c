"""Learning while the stream runs: heads from feedback, and later the encoder itself."""

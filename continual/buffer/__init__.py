"""Replay buffers: a bounded choice of labelled texts that outlives the process, for training that does not forget."""

"""Fuzzing of the decoder: mutated messages in both formats, every one accounted for."""

"""Stored profiles move with the encoder: nothing that was read has to be read again.

fit.py         the map from one version's space to the next, from texts that both have embedded
recovery.py    how much of re-embedding a map gives back
carry.py       codebook and heads moved by a map
people.py      simulated users, their profiles, and how well these find what the users like
bench.py       all of it after three fine-tunes, beside re-embedding

Maps are applied by workers on first touch (`stream/engine/apply`) and by a sweep (`stream/sweep`).
"""

"""Tools for operators: rebuild the store, prove that nothing is missing, deal with dead letters, see the lag.

scan.py          what is in a topic now, read to its end from outside the consumer group
store.py         a profile store from which a profile can be erased
restore.py       profile-updates -> an empty store
comparison.py    the store beside profile-updates
fold.py          the plain fold of user-events: what profiles must hold, computed without the engine
verify.py        the store beside that fold
deadletters.py   dead letters: found, shown, sent once more and never twice
look.py          the running system at one moment: workers, partitions, lag
"""

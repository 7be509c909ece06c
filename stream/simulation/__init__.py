"""Whole histories of a deployment in one process, in virtual time, with every fault that we could think of.

The engine is the real one; Kafka, Redis, Triton and the network between them are twins that fail as the real ones do. A
seed decides everything, so that a history that goes wrong can be played again.

clock.py      an event loop whose time jumps to the next timer
faults.py     the kinds of faults, and the dice
workload.py   users, events, poison messages and models
services.py   a worker's ways to store, broker and encoder, where calls are late, fail, or fail after having worked
worker.py     a worker: joins, reads from where nothing is missing, notices, stops, joins again
world.py      everything together, and the hand that crashes, pauses, throws out, and takes away
oracle.py     the plain fold of all events, and what differs from it
mutants.py    defects put in on purpose: the simulator has to find them
history.py    one history from the first event to peace
run.py        many histories, and the shortest one that shows a failure
"""

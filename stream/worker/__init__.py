"""The worker: a Faust app with a thin agent over the engine.

worker.py       opens the connections, runs it all, stops it in bounded time
options.py      what a worker is told when it starts
host.py         an engine for each assignment of partitions
app.py          the Faust app: settings that do not lose data, the agent, what happens at a rebalance
source.py       what Kafka gives, as a Source of the engine
consumer.py     Faust's consumer, made to read in batches, and to go back where Redis lost writes
models.py       follows model-events, so that a new head works within seconds
status.py       what a worker says of itself, once a second
"""

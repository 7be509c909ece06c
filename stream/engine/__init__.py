"""From records to profiles, exactly once in effect; knows nothing of Faust or Redis.

ports.py      what the engine needs from outside: a source, a sink
analysis.py   a batch of records -> what they say (decode, validate, redact, embed, heads)
apply.py      what they say -> stored profiles, by compare-and-set
engine.py     the pipeline: fetch, analyse, apply, publish, acknowledge
observing.py who looks at the stream beside the profiles: drift, trends
position.py   where to begin to read
memory.py     an in-memory log in place of Kafka: topics, partitions, offsets, fencing
group.py      a consumer group of that log: members, generations, rebalances, commits
"""

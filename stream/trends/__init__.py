"""What people talk about and how they feel about it, over time: overall and by segment.

tally.py      counts of texts by segment and topic: they add, so workers and minutes merge
buckets.py    time in minutes and hours, and how long each is kept
store.py      where tallies add up: Redis, or memory
watch.py      the observer in every worker
surge.py      does negative sentiment about a topic surge?
read.py       the trends as a page or an API shows them

To show them: `await read(RedisTrendStore(client), hours=24)` gives `Trends`, `Trends.as_dict()` plain values for JSON:

    {"resolution": 3600, "times": [ms, ...],            # beginnings of the buckets, oldest first
     "segments": ["", "type:message", "type:review", ...],    # "" is everybody
     "series": [{"segment": "", "topic": "travel",     # "" is every topic
                 "texts": [12, 9, ...], "negative": [...], "positive": [...],   # counts, one a bucket
                 "share": [0.2, ...],                   # of the segment's texts
                 "sentiment": [0.1, null, ...]}, ...],  # mean, -1 to 1; null where nobody said anything
     "alarms": [{"time": ms, "topic": ..., "texts": ..., "negative": ..., "expected": ..., "summary": ...}, ...]}

Buckets are of the time when a worker saw a text, not of the event's own time: history that is replayed is news today.
An event that is read twice (after a crash) counts twice.
"""

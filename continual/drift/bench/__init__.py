"""Power and false alarms of the drift monitor, on streams whose changes are known, beside other detectors.

data.py      CLINC150: domains, one of them held back; embeddings, computed once
streams.py   the streams: quiet, with a new domain, with another mix, with wrong labels, with another encoder
ours.py      the monitor on a stream
peers.py     river's detectors and Evidently's methods, with their defaults
run.py       all of it
report.py    figures, tables
picture.py   power by texts since the change
"""

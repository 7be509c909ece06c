"""Is the stream still what it was when the models were made? Noticed, named and shown.

    worker  --rows-->  store  --reports-->  judge (one worker at a time)  -->  drift-reports, status, metrics
    learner --errors-->

Workers and the learner only note what they see (a code, two numbers and the beginning of each text; right or wrong for
each label) and add it to the store. One worker at a time holds a lease and judges what all of them noted: so there is
one reference, one false-alarm rate and one history, however many workers come and go. Notes join in any order, the
judge's state lies in the store beside the name of the last report that is in it, and only one judge can move it on.

rows.py          what is noted of texts and labels: joins, travels
sums.py          a window in numbers: counts that add and subtract
reference.py     what was usual, by code of the codebook
statistics/      how far a window is from it: one class a file
calibration.py   how far is too far: thresholds for this window's size, by resampling the reference
windows.py       the last events, in overlapping windows; two in a row before an alarm
adwin.py         river's ADWIN, event by event
prequential.py   does the feedback disagree more than it used to?
anchors.py       does the encoder still say the same of the same sentences?
kinds.py         which kind of change it is
words.py         words and texts that speak for it
evidence.py      codes and texts that speak for it
monitor.py       all of it, for one encoder: no I/O
judge.py         the monitor on what all workers noted
state.py         the monitor as bytes; status.py: as plain values
watch.py         the observer in every worker
bench/           power and false alarms on streams with known changes

Nothing here imports torch, pandas or scipy: it runs in workers.
"""

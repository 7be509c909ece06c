"""No worse model reaches users: a candidate beside the champion, on feedback that neither was trained on.

    evidence.py     what was measured of both: plain arrays
    measure.py      measures it
    report.py       what a check found; all of it together
    limits.py       how much worse, slower or different is too much
    bootstrap.py    how sure a difference is
    files.py sound.py parity.py latency.py slices.py labels.py calibration.py retrieval.py migration.py worth.py
                    one check each: evidence and limits -> finding
    gate.py         all checks in their order

The champion stands here with the better of the closed-form heads, re-fitted to the same feedback: a fine-tune that does
not beat what comes for free is not worth a migration.
"""

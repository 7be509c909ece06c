"""The update job: from feedback to a better encoder in use, or to a report that says why not.

job.py        the steps in their order, each recorded on disk before the next: a crash resumes, or changed nothing
steps.py      what each step does
state.py      what was done, on disk
lessons.py    labelled texts, and which of them are held out
ports.py      what a job needs from outside
tuning.py     a fine-tune of the top layers (torch)
fitting.py    codebook, heads and maps of a candidate
measuring.py  evidence for the gate
trigger.py    when a job is due
report.py, plots.py    what people read afterwards

collect -> train -> write -> fit -> gate -> publish -> migrate -> report
"""

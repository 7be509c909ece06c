"""Online models of users, learned from the stream itself: will this user come back within a day?

habits.py       what a user's events say of their rhythm: sums that decay, no text
returns.py      the model (river): scaled features, logistic regression; its state as JSON
prequential.py  predictions when users fall silent, truth when they return or do not, in event time
baselines.py    what it has to beat: the base rate, and the last gap
"""

"""Profile arithmetic: a profile is a handful of decayed sums, and sums commute.

layout.py     how long things are remembered, how many labels, codes and dimensions there are
table.py      many profiles as columns of arrays: one row a profile
units.py      one event -> one row
reduce.py     rows of the same user -> one row: the only operation there is (an update, a merge, a stitch)
add.py        new events and stored rows -> rows: what `reduce` defines, without a row for each event
evidence.py   why: the events that speak most for a label
rounding.py   float64 -> float16 without losing small additions
state.py      a row <-> the bytes in Redis
packing.py    its Avro, many rows at a time
view.py       a row -> what people read
"""

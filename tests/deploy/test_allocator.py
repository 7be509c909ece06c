"""Memory of arrays that are gone."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import numpy, psutil
from profilestream.deploy.allocator import return_memory

if not return_memory():
    sys.exit(77)
process = psutil.Process()

def resident():
    return process.memory_info().rss // 2**20

del_me = numpy.ones(2**24, numpy.uint8)
del del_me  # from here on glibc, by itself, would put arrays of up to 16 MB on the heap
before = resident()
between = []
arrays = []
for _ in range(100):  # small objects that stay keep the heap from shrinking, if the arrays are in it
    arrays.append(numpy.ones(2**20, numpy.uint8))
    between.append(bytes(1000))
held = resident() - before
del arrays
print(held, resident() - before)
"""


def test_arrays_that_are_gone_take_no_memory() -> None:
    """A worker's memory is that of what it holds, not of the largest batch that it ever had."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("the C library is not glibc")
    held, kept = map(int, done.stdout.split())
    assert held >= 95
    assert kept <= 10

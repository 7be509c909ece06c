"""profilestream: a live profile of every user, from a stream of events.

The code lives in the folders `schemas`, `inference`, `stream`, `continual` and `deploy` at the top of the
repository; here they are linked together under the one import name `profilestream`.
"""

from importlib.metadata import version

__version__ = version("profilestream")

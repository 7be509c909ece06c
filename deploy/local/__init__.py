"""The local stack: real servers and data out of Python wheels, on loopback, with nothing but pip."""

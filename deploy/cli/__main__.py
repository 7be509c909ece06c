"""`python -m profilestream.deploy.cli`."""

from . import main

main()

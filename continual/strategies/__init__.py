"""Ways to learn one task after the other, each in a file of its own behind one interface."""

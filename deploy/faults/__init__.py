"""Faults on real servers: what is promised, under kill -9, on a full disk, with a Redis that forgot."""

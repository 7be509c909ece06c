"""Kafka: how to connect, and a producer that knows when its messages are safe."""

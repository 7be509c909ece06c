"""The stream: profile arithmetic, the engine, its Kafka and Redis ends, and the Faust app that runs it."""

"""What is on the wire: Avro schemas, the records in Python, the codec and the rules of compatibility."""

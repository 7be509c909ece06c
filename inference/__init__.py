"""From text to vectors and labels: the encoder, its Triton model repository, the client, the cache and the heads."""

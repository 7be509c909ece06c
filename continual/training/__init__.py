"""Fine-tuning of the encoder: what is tuned, how batches are made, and the loop, resumable and deterministic."""

"""What runs inside Triton; copied into the model repository as it is, so it imports nothing of profilestream."""

"""The pipeline beside its ceiling: the same model, in-process, on the same cores, in the same run."""

"""The one training engine: the loop, its processes, checkpoints and reports, for every kind of training."""

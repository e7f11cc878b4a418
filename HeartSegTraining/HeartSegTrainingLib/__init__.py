"""HeartSeg training: generated hearts, training and evaluation of HeartSeg models."""

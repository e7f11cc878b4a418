"""HeartSeg: whole-heart segmentation of CT and MRI. For research, not a medical device."""

__version__ = "0.1.0"

"""HeartSeg in the scene of 3D Slicer: the only room that imports `slicer`."""

"""What the module does in 3D Slicer: the only room of training that imports `slicer`."""

"""The child process of the module: what needs PyTorch or takes long, so that 3D Slicer never waits."""

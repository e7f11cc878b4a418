"""What the module shows: the only room of training that imports `qt` and `ctk`."""

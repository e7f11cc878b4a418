"""Stand-ins for the widgets of CTK and Slicer: their names, signals and behavior, over plain Qt widgets."""

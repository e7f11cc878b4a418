"""The module's panel in Slicer: shows what `scene` knows and passes on what the user asks for."""

"""Surfaces and meshes of a label map."""

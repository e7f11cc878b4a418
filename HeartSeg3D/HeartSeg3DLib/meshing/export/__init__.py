"""Meshes as files: one small module a format, registered by name, and presets for simulators."""

"""Checks the names that module code uses against what Slicer 5.12 has, so that stand-ins cannot hide a mistake."""

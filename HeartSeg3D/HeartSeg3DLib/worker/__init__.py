"""The child process that works while 3D Slicer stays alive: requests come in and events go out, one JSON object a line.

`python -m HeartSeg3DLib.worker` serves until its standard input ends. Nothing here is slow to import; PyTorch comes
with the first request that needs it.
"""

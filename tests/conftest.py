"""What every test runs under: one thread per process, as in an actor, and rendering on the CPU."""

import os
from ctypes.util import find_library

os.environ.setdefault("OMP_NUM_THREADS", "1")
if find_library("OSMesa"):
    os.environ.setdefault("MUJOCO_GL", "osmesa")

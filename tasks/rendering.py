"""Pictures of MuJoCo scenes without a display, by EGL or OSMesa, whichever works here."""

from __future__ import annotations

import functools
import importlib
import os
import subprocess
import sys
import weakref
from typing import Any

import mujoco
import numpy as np

BACKENDS = ("egl", "osmesa")
PROBE_SECONDS = 30.0
NO_OPENGL = (
    "cannot render: neither EGL nor OSMesa works on this machine; "
    "install the Debian package libosmesa6 (software) or libegl1 (with a GPU's driver)"
)


class SceneRenderer:
    """A renderer of one model at one size, with an OpenGL context: use and close it in one thread.

    Raises RuntimeError, naming the packages to install, if no backend works. The environment
    variable MUJOCO_GL (egl or osmesa) overrides the choice.
    """

    def __init__(self, model: mujoco.MjModel, width: int, height: int) -> None:
        self.size = (width, height)
        backend = importlib.import_module(f"mujoco.{headless_backend()}")
        self._gl = backend.GLContext(width, height)
        self._gl.make_current()
        self._model = model
        self._scene = mujoco.MjvScene(model, maxgeom=1000)
        self._option = mujoco.MjvOption()
        self._rect = mujoco.MjrRect(0, 0, width, height)
        self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        # At the latest at exit, while OpenGL is still loaded: its own destructor comes too late.
        self._free = weakref.finalize(self, _free, self._gl, self._context)

    def render(self, data: mujoco.MjData, camera: str) -> np.ndarray:
        """The picture of ``camera``, uint8 ``[height, width, 3]``, top row first."""
        self._gl.make_current()
        view = mujoco.MjvCamera()
        view.type = mujoco.mjtCamera.mjCAMERA_FIXED
        view.fixedcamid = self._model.camera(camera).id
        everything = mujoco.mjtCatBit.mjCAT_ALL
        mujoco.mjv_updateScene(self._model, data, self._option, None, view, everything, self._scene)
        mujoco.mjr_render(self._rect, self._scene, self._context)
        width, height = self.size
        pixels = np.empty((height, width, 3), np.uint8)
        mujoco.mjr_readPixels(pixels, None, self._rect, self._context)
        return np.ascontiguousarray(pixels[::-1])  # OpenGL's first row is the bottom one

    def close(self) -> None:
        """Free the context; a second call does nothing."""
        self._free()


def _free(gl: Any, context: mujoco.MjrContext) -> None:
    gl.make_current()
    context.free()
    gl.free()


@functools.cache
def headless_backend() -> str:
    """The first of EGL and OSMesa that opens a context here, or the one that MUJOCO_GL names.

    Each is tried in a process of its own: PyOpenGL can load one backend per process, and a
    failed try would spoil the next. Children inherit the choice through MUJOCO_GL.
    """
    asked = os.environ.get("MUJOCO_GL", "").lower()
    if asked in BACKENDS:
        return asked
    for backend in BACKENDS:
        if _opens(backend):
            os.environ["MUJOCO_GL"] = backend
            return backend
    raise RuntimeError(NO_OPENGL)


def _opens(backend: str) -> bool:
    code = (
        f"import mujoco.{backend} as gl; context = gl.GLContext(16, 16); context.make_current(); "
        "import mujoco; mujoco.MjrContext(mujoco.MjSpec().compile(), 100)"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "MUJOCO_GL": backend, "PYOPENGL_PLATFORM": backend},
            capture_output=True,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0

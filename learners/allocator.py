"""Freed memory that stays with the learner's process, ready for the next update.

A batch of the papers' sizes makes tensors of some 100 MB. The C library hands each back to the
system when it is freed and asks for a new one a moment later, page by page: a third of an update.
"""

from __future__ import annotations

import contextlib
import ctypes

# malloc.h
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Stop the C library from handing freed memory back; return whether it agreed.

    Call once, before the first update. The process then holds as much as it needed at its peak.
    Only glibc has these settings; elsewhere nothing changes.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, _NEVER))
    return False

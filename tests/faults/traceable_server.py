"""A chatserver that lets its tests trace it.

Where the kernel's Yama module is on, only a parent may, unless the process says otherwise:
https://www.kernel.org/doc/html/latest/admin-guide/LSM/Yama.html
"""

from __future__ import annotations

import ctypes

from chatroom.server import cli

PR_SET_PTRACER = 0x59616D61
PR_SET_PTRACER_ANY = ctypes.c_ulong(-1)

if __name__ == "__main__":
    # It fails where Yama is not, and there it is not needed.
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0)
    cli.main()

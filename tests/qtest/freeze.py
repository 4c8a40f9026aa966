# SPDX-License-Identifier: MIT
"""Hold a single thread of another process, as a hanging host would."""

import ctypes
import os

PTRACE_CONT, PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 7, 17, 0x4206, 0x4207
WAIT_ALL = 0x40000000   # __WALL: threads too

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


class Frozen:
    """A thread under our control; it runs until hold()."""

    def __init__(self, thread):
        self.thread = thread
        self._request(PTRACE_SEIZE)

    def _request(self, request):
        if libc.ptrace(request, self.thread, None, None) < 0:
            raise OSError(ctypes.get_errno(), f"ptrace {request:#x} of thread {self.thread}")

    def hold(self):
        self._request(PTRACE_INTERRUPT)
        os.waitpid(self.thread, WAIT_ALL)

    def release(self):
        self._request(PTRACE_CONT)

    def detach(self):
        """Only while it is held."""
        self._request(PTRACE_DETACH)

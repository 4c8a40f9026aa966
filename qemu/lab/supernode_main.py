# SPDX-License-Identifier: MIT
"""What `supernode` runs. While all else is read there is nothing to tidy up: Ctrl-C just ends it."""

import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)

import supernode  # noqa: E402  pylint: disable=wrong-import-position

sys.exit(supernode.start())

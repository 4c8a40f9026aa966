# SPDX-License-Identifier: MIT
"""What Debian's ethtool says of a CMIS map in a file, as `sfab link map -o FILE` writes it."""

import json
import os
import subprocess


def apart(pairs):
    """ethtool has readings and their thresholds under the same name."""
    return {f"{name}_limits" if isinstance(value, dict) and "high_alarm_threshold" in value
            else name: value for name, value in pairs}


def decode(path, library):
    """`library` is what eeprom.c was built as. The file's name is that of an interface."""
    said = subprocess.run(["ethtool", "--json", "-m", os.path.basename(path)], check=True,
                          cwd=os.path.dirname(path), env={**os.environ, "LD_PRELOAD": library},
                          stdout=subprocess.PIPE)
    return json.loads(said.stdout, object_pairs_hook=apart)[0]

#!/usr/bin/env python3
"""Runs a command, its output thrown away, and prints what it cost as JSON: seconds of processor and of wall time of it
and of all it waited for, and the largest resident set of any of them in bytes.

usage: measure-child.py COMMAND [ARGUMENT...]
"""
import json
import os
import subprocess
import sys
import time

start = time.monotonic()
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
wall = time.monotonic() - start
if status != 0:
    raise SystemExit(f"{sys.argv[1:]} failed: {os.waitstatus_to_exitcode(status)}")
print(json.dumps({"cpu": usage.ru_utime + usage.ru_stime, "wall": wall, "memory": usage.ru_maxrss * 1024}))

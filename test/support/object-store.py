#!/usr/bin/env python3
"""Makes a composefs object directory out of the regular files of a tree: objects/xx/rest, named by fs-verity digest.

usage: object-store.py TREE ALGORITHM OBJECTS

The digests come from the program `fsverity` and from nowhere else. Objects are hard links to the tree's files, so both
must be on one file system. ALGORITHM is sha256 or sha512.
"""
import os
import stat
import subprocess
import sys

BATCH = 500


def regular_files(root):
    for directory, _, names in os.walk(root):
        for name in names:
            path = directory + b"/" + name
            if stat.S_ISREG(os.lstat(path).st_mode):
                yield path


def digests(paths, algorithm):
    command = [b"fsverity", b"digest", b"--compact", b"--hash-alg=" + algorithm, *paths]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.split()
    if len(lines) != len(paths):
        raise SystemExit("fsverity did not print one digest for each file")
    return [line.decode() for line in lines]


def main():
    root, algorithm, objects = (os.fsencode(argument) for argument in sys.argv[1:])
    for prefix in range(256):
        os.makedirs(b"%s/%02x" % (objects, prefix))
    paths = list(regular_files(root))
    for start in range(0, len(paths), BATCH):
        batch = paths[start : start + BATCH]
        for path, digest in zip(batch, digests(batch, algorithm)):
            target = os.fsencode(os.path.join(os.fsdecode(objects), digest[:2], digest[2:]))
            if not os.path.lexists(target):
                os.link(path, target)


main()

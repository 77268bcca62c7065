#!/usr/bin/env python3
"""Prints a canonical manifest of a directory tree: one line of JSON for each path, in byte order of paths.

usage: tree-manifest.py DIRECTORY

A line holds the path, type, mode, owner and group, whole-second time, extended attributes (hexadecimal, sorted), and by
type the size and SHA-256 of the content, the target of a symlink, or the device number. "links" names, for a leaf with
several names inside the tree, the first of them in byte order: two trees have the same hard-link groups exactly when
these agree. Bytes that are not UTF-8 are written as in Python's surrogateescape.
Owes nothing to planish, so that trees can be compared without trusting it.
"""
import hashlib
import json
import os
import stat
import sys


def content_digest(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def attributes(path):
    names = sorted(os.listxattr(path, follow_symlinks=False), key=os.fsencode)
    return {name: os.getxattr(path, name, follow_symlinks=False).hex() for name in names}


def record(full, path):
    status = os.lstat(full)
    kind = stat.S_IFMT(status.st_mode)
    line = {
        "path": os.fsdecode(path),
        "type": stat.filemode(status.st_mode)[0],
        "mode": format(stat.S_IMODE(status.st_mode), "04o"),
        "uid": status.st_uid,
        "gid": status.st_gid,
        "mtime": status.st_mtime_ns // 1_000_000_000,
        "xattrs": attributes(full),
    }
    if kind == stat.S_IFREG:
        line["size"] = status.st_size
        line["sha256"] = content_digest(full)
    elif kind == stat.S_IFLNK:
        line["target"] = os.fsdecode(os.readlink(full))
    elif kind in (stat.S_IFCHR, stat.S_IFBLK):
        line["device"] = [os.major(status.st_rdev), os.minor(status.st_rdev)]
    inode = None if kind == stat.S_IFDIR else (status.st_dev, status.st_ino)
    return path, inode, line


def walk(root):
    """All records below and with the root. Names are bytes; links are not followed."""
    pending = [b""]
    while pending:
        path = pending.pop()
        full = root + path
        yield record(full, path or b"/")
        if stat.S_ISDIR(os.lstat(full).st_mode):
            pending.extend(path + b"/" + name for name in os.listdir(full))


def main():
    root = os.fsencode(sys.argv[1])
    records = sorted(walk(root), key=lambda item: item[0])
    groups = {}
    for path, inode, _ in records:
        if inode is not None:
            groups.setdefault(inode, []).append(path)
    for _, inode, line in records:
        names = groups.get(inode, [])
        if len(names) > 1:
            line["links"] = os.fsdecode(names[0])
        print(json.dumps(line))


main()

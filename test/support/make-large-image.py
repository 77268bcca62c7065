#!/usr/bin/env python3
"""Adds a layer of made-up files to an image, so that it has 60,000 files and 2 GB in all.

usage: make-large-image.py LAYOUT TAG DIR

LAYOUT is an OCI layout of gzip layers (test/support/make-server-fixtures.sh); DIR becomes one with the tag "large".
Sizes are those of a desktop system: two thirds of the files have up to 4 KiB, a few have many MiB. Contents lose
a third when compressed. Nothing is random: the same files come out on every machine.
"""
import gzip
import hashlib
import io
import json
import os
import random
import shutil
import sys
import tarfile

FILES = 46_000
DIRECTORIES = 1_500
TIME = 1_700_000_000


def size_of(chance, dice):
    if chance < 0.66:
        return dice.randrange(65, 4096)
    if chance < 0.90:
        return dice.randrange(4096, 32_768)
    if chance < 0.998:
        return dice.randrange(32_768, 131_072)
    return dice.randrange(1_000_000, 8_000_000)


def content(size, dice, words):
    pieces, have = [], 0
    while have < size:
        piece = b" ".join(dice.choices(words, k=64)) + dice.randbytes(96)
        pieces.append(piece)
        have += len(piece)
    return b"".join(pieces)[:size]


def add(archive, name, kind, data=b""):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mtime = kind, len(data), TIME
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    archive.addfile(info, io.BytesIO(data))


class Hashing:
    """A file that knows the digest of what was written to it."""

    def __init__(self, file):
        self.file, self.hash = file, hashlib.sha256()

    def write(self, data):
        self.hash.update(data)
        return self.file.write(data)

    def flush(self):
        self.file.flush()

    def close(self):
        self.file.close()


def write_layer(path):
    dice = random.Random(1)
    words = [dice.randbytes(dice.randrange(3, 12)) for _ in range(4096)]
    blob = Hashing(open(path, "wb"))
    tar = Hashing(gzip.GzipFile(fileobj=blob, mode="wb", compresslevel=6, mtime=0, filename=""))
    with tarfile.open(fileobj=tar, mode="w|", format=tarfile.GNU_FORMAT, bufsize=1 << 20) as archive:
        add(archive, "opt", tarfile.DIRTYPE)
        for directory in range(DIRECTORIES):
            add(archive, f"opt/part-{directory:04}", tarfile.DIRTYPE)
            for file in range(FILES // DIRECTORIES + 1):
                data = content(size_of(dice.random(), dice), dice, words)
                add(archive, f"opt/part-{directory:04}/file-{file:03}", tarfile.REGTYPE, data)
    tar.close()
    blob.close()
    return tar.hash.hexdigest(), blob.hash.hexdigest()


def put(directory, document):
    data = json.dumps(document, separators=(",", ":")).encode()
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(directory, "blobs", "sha256", digest), "wb") as file:
        file.write(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def main(layout, tag, out):
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(layout, out, copy_function=os.link)

    def read(digest):
        with open(os.path.join(out, "blobs", *digest.split(":")), encoding="utf-8") as file:
            return json.load(file)

    index_path = os.path.join(out, "index.json")
    with open(index_path, encoding="utf-8") as file:
        index = json.load(file)
    names = {entry.get("annotations", {}).get("org.opencontainers.image.ref.name"): entry for entry in index["manifests"]}
    manifest = read(names[tag]["digest"])
    config = read(manifest["config"]["digest"])
    made = os.path.join(out, "layer")
    diff_id, digest = write_layer(made)
    os.rename(made, os.path.join(out, "blobs", "sha256", digest))
    size = os.path.getsize(os.path.join(out, "blobs", "sha256", digest))
    config["rootfs"]["diff_ids"].append(f"sha256:{diff_id}")
    config["history"] = []
    media_type = "application/vnd.oci.image.layer.v1.tar+gzip"
    manifest["layers"].append({"mediaType": media_type, "digest": f"sha256:{digest}", "size": size})
    manifest["config"].update(put(out, config))
    entry = {"mediaType": "application/vnd.oci.image.manifest.v1+json", **put(out, manifest)}
    entry["annotations"] = {"org.opencontainers.image.ref.name": "large"}
    os.unlink(index_path)
    with open(index_path, "w", encoding="utf-8") as file:
        json.dump({"schemaVersion": 2, "manifests": [entry]}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])

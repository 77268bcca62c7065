#!/usr/bin/env python3
"""update-layout.py BEFORE.tar AFTER.tar LAYOUT TAG

The image that a Dockerfile makes which starts from BEFORE and brings it up to AFTER: an OCI layout with BEFORE as one
gzip layer and, where the two differ, a second one with what differs and whiteouts for what is gone. BEFORE is
compressed once per layout. Entries are copied as they stand in the tars, headers included; the same tars give the same
image.
"""
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile

PIECE = 1 << 20
MEDIA = 'application/vnd.oci.image.'


class Root:
    """One tar: where each entry stands, and what tells whether it is the same in another tar."""

    def __init__(self, path):
        self.path = path
        self.file = open(path, 'rb')
        self.entries = {}
        with tarfile.open(fileobj=self.file) as tar:
            previous = None
            for member in tar:
                name = member.name.removeprefix('./') or '.'
                self.entries[name] = [member.offset, None, member]
                if previous is not None:
                    self.entries[previous][1] = member.offset
                previous = name
            self.entries[previous][1] = tar.offset
        self.groups = {}
        for name, (_, _, member) in self.entries.items():
            if member.islnk():
                self.groups.setdefault(member.linkname.removeprefix('./'), set()).add(name)

    def bytes_of(self, name):
        start, end, _ = self.entries[name]
        self.file.seek(start)
        return self.file.read(end - start)


def same(before, after, name):
    if name not in before.entries:
        return False
    a, b = before.entries[name][2], after.entries[name][2]
    if (a.type, a.size, a.mtime, a.mode, a.uid, a.gid, a.linkname) != (b.type, b.size, b.mtime, b.mode, b.uid, b.gid, b.linkname):
        return False
    return before.bytes_of(name) == after.bytes_of(name)


def changed_names(before, after):
    changed = {name for name in after.entries if not same(before, after, name)}
    for target, names in after.groups.items():
        # All names of an inode go together: a link to a file of a lower layer would be to the old file.
        if changed & (names | {target}):
            changed |= names | {target}
    return changed


def removed_names(before, after):
    gone = [name for name in before.entries if name not in after.entries]
    return sorted(name for name in gone if os.path.dirname(name) in after.entries or '/' not in name)


def upper_tar(before, after):
    changed = changed_names(before, after)
    for name in changed & set(before.entries):
        if before.entries[name][2].isdir() != after.entries[name][2].isdir():
            raise SystemExit(f'{name}: a directory on one side only')
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=tarfile.PAX_FORMAT) as tar:
        for name in removed_names(before, after):
            directory, base = os.path.split(name)
            tar.addfile(tarfile.TarInfo('./' + os.path.join(directory, '.wh.' + base)))
        out.truncate(tar.offset)
        for name in after.entries:
            if name in changed:
                out.write(after.bytes_of(name))
    out.write(bytes(2 * tarfile.BLOCKSIZE))
    return out.getvalue() if changed or removed_names(before, after) else None


class Layout:
    def __init__(self, path):
        self.path = path
        os.makedirs(os.path.join(path, 'blobs/sha256'), exist_ok=True)
        with open(os.path.join(path, 'oci-layout'), 'w') as file:
            file.write('{"imageLayoutVersion":"1.0.0"}')

    def add(self, kind, data):
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(self.path, 'blobs/sha256', digest), 'wb') as file:
            file.write(data)
        return {'mediaType': MEDIA + kind, 'digest': f'sha256:{digest}', 'size': len(data)}

    def add_json(self, kind, value):
        return self.add(kind, json.dumps(value, separators=(',', ':')).encode())

    def tag(self, name, descriptor):
        index = os.path.join(self.path, 'index.json')
        known = json.load(open(index))['manifests'] if os.path.exists(index) else []
        known = [each for each in known if each['annotations']['org.opencontainers.image.ref.name'] != name]
        entry = {**descriptor, 'annotations': {'org.opencontainers.image.ref.name': name}}
        with open(index, 'w') as file:
            json.dump({'schemaVersion': 2, 'manifests': [*known, entry]}, file)


def base_layer(layout, path):
    """The layer of BEFORE, remembered beside its blob: compressing it takes the better part of a minute."""
    note = os.path.join(layout.path, 'base.json')
    if os.path.exists(note):
        return json.load(open(note))
    digest = hashlib.sha256()
    packed = bytearray()
    packer = subprocess.Popen(['gzip', '-6', '-n', '-c', path], stdout=subprocess.PIPE)
    while piece := packer.stdout.read(PIECE):
        packed += piece
    if packer.wait() != 0:
        raise SystemExit('gzip failed')
    with open(path, 'rb') as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    layer = [layout.add('layer.v1.tar+gzip', bytes(packed)), f'sha256:{digest.hexdigest()}']
    with open(note, 'w') as file:
        json.dump(layer, file)
    return layer


def main():
    if len(sys.argv) != 5:
        raise SystemExit(__doc__)
    before, after, layout, tag = Root(sys.argv[1]), Root(sys.argv[2]), Layout(sys.argv[3]), sys.argv[4]
    layers = [base_layer(layout, before.path)]
    upper = upper_tar(before, after)
    if upper is not None:
        packed = gzip.compress(upper, 6, mtime=0)
        layers.append([layout.add('layer.v1.tar+gzip', packed), f'sha256:{hashlib.sha256(upper).hexdigest()}'])
    config = layout.add_json('config.v1+json', {
        'architecture': 'amd64',
        'os': 'linux',
        'config': {},
        'rootfs': {'type': 'layers', 'diff_ids': [diff_id for _, diff_id in layers]},
    })
    manifest = layout.add_json('manifest.v1+json', {
        'schemaVersion': 2,
        'mediaType': MEDIA + 'manifest.v1+json',
        'config': config,
        'layers': [descriptor for descriptor, _ in layers],
    })
    layout.tag(tag, manifest)
    print(json.dumps({'tag': tag, 'layers': [descriptor['size'] for descriptor, _ in layers]}))


main()

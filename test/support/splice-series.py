#!/usr/bin/env python3
"""splice-series.py BEFORE.tar AFTER.tar --list | --step N -o OUT.tar

A series of weekly images with real bytes, out of two Debian roots made by make-server-root.sh from older and newer
package pockets: week N has every source package whose last changelog entry is that old from AFTER, and the rest from
BEFORE. Step 0 is BEFORE and the last step AFTER, each with all its entries. `--list` prints the steps as JSON.

Files that no package owns follow what they are made from (byte code its source, certificates ca-certificates,
modules maps and initramfs the kernel); what remains changes with the last step. The status of dpkg is spliced by
stanza. Entries are copied as they stand in the tars, headers included.
"""
import argparse
import email.utils
import gzip
import io
import json
import os
import re
import sys
import tarfile

INFO = 'var/lib/dpkg/info/'
STATUS = 'var/lib/dpkg/status'
CHANGELOG = re.compile(r'usr/share/doc/([^/]+)/changelog(?:\.Debian(?:\.[a-z0-9-]+)?)?(?:\.gz)?$')
TRAILER = re.compile(rb'^ -- .* <.*>  ([A-Z][a-z]{2}, .*)$', re.M)
KERNEL = re.compile(r'(?:boot/(?:initrd\.img|System\.map|config|vmlinuz)-|usr/lib/modules/)([^/]+)')
BYTE_CODE = re.compile(r'(.*)/__pycache__/([^/]*?)\.cpython-[^./]*(?:\.opt-[12])?\.pyc$')
SECONDS_A_DAY = 86_400
# 1970-01-05 was the first Monday.
MONDAY_OFFSET = 4


class Root:
    """One tar: its entries in order, its packages, and which source owns which path."""

    def __init__(self, path):
        self.file = open(path, 'rb')
        self.entries = {}
        self.directories = set()
        with tarfile.open(fileobj=self.file) as tar:
            previous = None
            for member in tar:
                name = member.name.removeprefix('./') or '.'
                self.entries[name] = [member.offset, None, member]
                if member.isdir():
                    self.directories.add(name)
                if previous is not None:
                    self.entries[previous][1] = member.offset
                previous = name
            self.entries[previous][1] = tar.offset
        self.links = {name: member.linkname for name, (_, _, member) in self.entries.items() if member.issym()}
        self.stanzas = parse_status(self.read(STATUS))
        self.sources = {binary: source for binary, (source, _, _) in self.stanzas.items()}
        self.owners = self.find_owners()

    def read(self, name):
        member = self.entries[name][2]
        self.file.seek(member.offset_data)
        return self.file.read(member.size)

    def raw(self, name):
        start, end, _ = self.entries[name]
        self.file.seek(start)
        return self.file.read(end - start)

    def canonical(self, path):
        """A listed path where the tree holds it: merged directories are links in the root."""
        top, _, rest = path.lstrip('/').partition('/')
        target = self.links.get(top)
        return f'{target}/{rest}' if target is not None and rest else path.lstrip('/')

    def find_owners(self):
        owners = {}
        for name in self.entries:
            if not name.startswith(INFO):
                continue
            base, _, suffix = name[len(INFO):].rpartition('.')
            source = self.source_of(base)
            if source is None:
                continue
            owners[name] = source
            if suffix != 'list':
                continue
            for line in self.read(name).decode('utf-8', 'surrogateescape').split('\n'):
                if line not in ('', '/.'):
                    owners.setdefault(self.canonical(line), source)
        return owners

    def source_of(self, package):
        return self.sources.get(package.partition(':')[0])

    def owner(self, name):
        """The source that a path goes with; None when nothing is known."""
        known = self.owners.get(name)
        if known is not None:
            return known
        code = BYTE_CODE.match(name)
        if code is not None:
            return self.owners.get(f'{code[1]}/{code[2]}.py')
        if name.startswith(('etc/ssl/certs/', 'etc/ca-certificates')):
            return self.sources.get('ca-certificates')
        kernel = KERNEL.match(name)
        if kernel is not None:
            return self.sources.get(f'linux-image-{kernel[1]}')
        return None


def parse_status(text):
    """Binary package to (source, version, stanza), in the order of the file."""
    packages = {}
    for stanza in text.decode('utf-8', 'surrogateescape').split('\n\n'):
        fields = dict(re.findall(r'^(\S+): (.*)$', stanza, re.M))
        if 'Package' in fields:
            source = fields.get('Source', fields['Package']).split(' ')[0]
            packages[fields['Package']] = (source, fields['Version'], stanza.strip('\n'))
    return packages


def last_change(root, source):
    """Day (since 1970) of the newest changelog entry of a source's packages; None without any."""
    days = [None]
    for name, (_, _, member) in root.entries.items():
        match = CHANGELOG.match(name)
        if match is None or not member.isfile() or root.sources.get(match[1]) != source:
            continue
        text = root.read(name)
        text = gzip.decompress(text) if name.endswith('.gz') else text
        for date in TRAILER.findall(text):
            days.append(int(email.utils.parsedate_to_datetime(date.decode()).timestamp()) // SECONDS_A_DAY)
    known = [day for day in days if day is not None]
    return max(known, default=None)


def plan_steps(before, after):
    """Steps after the first: Monday of the week (day since 1970) and the sources that change in it."""
    changed = set()
    for binary in before.stanzas.keys() | after.stanzas.keys():
        old, new = before.stanzas.get(binary), after.stanzas.get(binary)
        if (old and old[:2]) != (new and new[:2]):
            changed.update(entry[0] for entry in (old, new) if entry)
    weeks = {}
    undated = set()
    for source in sorted(changed):
        day = last_change(after, source)
        if day is None:
            undated.add(source)
        else:
            weeks.setdefault((day - MONDAY_OFFSET) // 7 * 7 + MONDAY_OFFSET, set()).add(source)
    if not weeks:
        sys.exit('splice-series: no package with a changelog differs between the two roots')
    steps = sorted(weeks.items())
    steps[-1][1].update(undated)
    return steps


def splice_status(before, after, taken):
    names = before.stanzas.keys() | after.stanzas.keys()
    stanzas = []
    for name in sorted(names):
        old, new = before.stanzas.get(name), after.stanzas.get(name)
        chosen = new if (new or old)[0] in taken else old
        if chosen is not None:
            stanzas.append(chosen[2])
    return ('\n\n'.join(stanzas) + '\n\n').encode('utf-8', 'surrogateescape')


def choose(before, after, taken):
    """Names of a step, each with the root that it comes from."""
    leaves = {}
    for root, wanted in ((before, False), (after, True)):
        for name in root.entries.keys() - root.directories:
            if (root.owner(name) in taken) == wanted:
                leaves.setdefault(name, root)
    needed = set()
    for name in leaves:
        while '/' in name:
            name = name.rpartition('/')[0]
            needed.add(name)
    chosen = dict(leaves)
    for name in before.directories | after.directories:
        in_both = name in before.directories and name in after.directories
        root = before if name in before.directories else after
        own = (root.owner(name) in taken) == (root is after)
        if in_both or name in needed or own:
            chosen[name] = root
    return chosen


def write_step(before, after, taken, out):
    for name, root in sorted(choose(before, after, taken).items()):
        if name == STATUS:
            member = before.entries[STATUS][2]
            content = splice_status(before, after, taken)
            header = tarfile.TarInfo(member.name)
            for field in ('mode', 'uid', 'gid', 'uname', 'gname', 'mtime'):
                setattr(header, field, getattr(member, field))
            header.size = len(content)
            out.write(header.tobuf(tarfile.PAX_FORMAT) + content + bytes(-len(content) % 512))
        else:
            out.write(root.raw(name))
    out.write(bytes(1024))


def copy_whole(root, out):
    for name in root.entries:
        out.write(root.raw(name))
    out.write(bytes(1024))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('before')
    parser.add_argument('after')
    parser.add_argument('--list', action='store_true')
    parser.add_argument('--step', type=int)
    parser.add_argument('-o', '--output')
    options = parser.parse_args()
    before, after = Root(options.before), Root(options.after)
    steps = plan_steps(before, after)
    if options.list:
        rows = [{'step': 0, 'day': None, 'sources': []}]
        rows += [{'step': n + 1, 'day': day, 'sources': sorted(names)} for n, (day, names) in enumerate(steps)]
        json.dump(rows, sys.stdout, indent=1)
        print()
        return
    if options.step is None or options.output is None or not 0 <= options.step <= len(steps):
        parser.error(f'name --list, or --step 0 to {len(steps)} and --output')
    part = f'{options.output}.part'
    with open(part, 'wb', buffering=io.DEFAULT_BUFFER_SIZE * 128) as out:
        if options.step in (0, len(steps)):
            copy_whole(before if options.step == 0 else after, out)
        else:
            taken = set().union(*(names for _, names in steps[:options.step]))
            write_step(before, after, taken, out)
    os.replace(part, options.output)


main()

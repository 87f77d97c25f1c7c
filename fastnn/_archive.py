"""A zip file in which every byte is known: what model files are made of.

    manifest.json | member | member | ... | directory

The manifest names the members in their order, each with its size and SHA-256. Members are stored,
not compressed, and all else (dates, flags, checksums, the directory) follows from names and
contents: equal members make equal files, and a reader can tell each byte of the file before it
looks. Hence it needs no zip library, and what zip could also say (compression, a second directory,
links, comments, gaps) has no place. Layout: PKWARE, APPNOTE.TXT 6.3.10, always in the 64-bit form.
"""

from __future__ import annotations

import os
import struct

from fastnn._version import __version__

VERSION = 1  # of the format; a reader knows its own and all before
CONTENTS = ("model", "weights")
ALL = "the file"
MANIFEST = "manifest.json"  # first in the file and stored with its CRC-32, in every version

# Far above what a model needs, and low enough that a reader's time and memory stay small.
MOST_MEMBERS = 10_000
MOST_JSON = 1 << 24  # bytes
MOST_NESTING = 64
LONGEST_NAME = 1000

_LOCAL = struct.Struct("<IHHHHHIIIHHHHQQ")  # before a member; the name goes between HH and HHQQ
_ENTRY = struct.Struct("<IHHHHHHIIIHHHHHIIHHQQQ")  # in the directory; the name before HHQQQ
_END = struct.Struct("<IQHHIIQQQQ IIQI IHHHHIIH")
_NAME_IN_LOCAL, _NAME_IN_ENTRY = 30, 46
_DAY = 0x21  # 1 January 1980, zip's first
_SEE_64 = 0xFFFFFFFF  # "this number is in the 64-bit part"


class CorruptModelError(ValueError):
    """A model file that is not, byte for byte, one that fastnn writes.

    ``member`` is the part of the file that is wrong, ``file`` the path.
    """

    def __init__(self, member: str, problem: str):
        super().__init__(member, problem)
        self.member = member
        self.problem = problem
        self.file = "the model file"

    def __str__(self) -> str:
        return (f"{self.file}: {self.member} {self.problem}. The file is damaged or fastnn did not "
                "write it: take another copy of it, or save the model again.")


# writing


def write(path, contents: str, members: dict[str, bytes]) -> None:
    """Write a file of members; on any error the file that was there stays as it was.

    contents : what the members are, one of CONTENTS.
    The file is complete, on the disk and read back before it takes its name.
    """
    import errno
    from contextlib import suppress

    path = os.path.realpath(os.fsdecode(path))  # of a link, the file it leads to is replaced
    folder = os.path.dirname(path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise FileExistsError(errno.EEXIST, "There is a folder or a device of that name", path)
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "There is no such folder to save in", folder)
    temporary = f"{_temporary(path)}{os.urandom(8).hex()}.tmp"
    try:
        with open(temporary, "xb") as file:
            for piece in _pieces(contents, members):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        try:
            same = read(temporary) == (contents, members)
        except CorruptModelError:
            same = False
        if not same:
            raise OSError(errno.EIO, "What was read back is not what was written", path)
        if os.path.exists(path):
            os.chmod(temporary, os.stat(path).st_mode & 0o777)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    with suppress(OSError):  # some systems cannot; then a power cut may bring the old file back
        _sync_folder(folder)


def clear(path) -> None:
    """Delete what a `write` of this file has left that was killed; none may be at work."""
    from contextlib import suppress

    path = os.path.realpath(os.fsdecode(path))
    folder, begin = os.path.split(_temporary(path))
    with suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(begin) and name.endswith(".tmp"):
                os.unlink(os.path.join(folder, name))


def _temporary(path: str) -> str:
    """How the temporary files begin that are to become this one."""
    from zlib import crc32

    folder, name = os.path.split(path)
    return os.path.join(folder, f".fastnn-{crc32(os.fsencode(name)):08x}-")


def _pieces(contents: str, members: dict[str, bytes]):
    """The bytes of the file, in order."""
    from hashlib import sha256

    listed = [{"name": name, "sha256": sha256(data).hexdigest(), "size": len(data)}
              for name, data in members.items()]
    if len(listed) > MOST_MEMBERS or max(map(len, members), default=0) > LONGEST_NAME:
        raise ValueError(f"A file holds at most {MOST_MEMBERS} arrays with names of at most "
                         f"{LONGEST_NAME} characters: this model has more or longer ones.")
    manifest = dump_json(MANIFEST, {
        "format": "fastnn", "format_version": VERSION, "fastnn_version": __version__,
        "contents": contents, "members": listed})
    directory, offset = bytearray(), 0
    for name, data in {MANIFEST: manifest, **members}.items():
        header, entry = _headers(name, data, offset)
        yield header
        yield data
        offset += len(header) + len(data)
        directory += entry
    yield directory + _end(1 + len(members), len(directory), offset)


def _sync_folder(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# the layout


def _headers(name: str, data: bytes, offset: int) -> tuple[bytes, bytes]:
    """What stands before a member, which begins at ``offset``, and in the directory."""
    from zlib import crc32

    crc, size, title = crc32(data), len(data), name.encode("ascii")
    stored = (0, 0, 0, _DAY, crc, _SEE_64, _SEE_64, len(title))  # no flags, no compression
    header = _LOCAL.pack(0x04034B50, 45, *stored, 20, 1, 16, size, size)
    # made on Unix, by version 4.5; a file that everyone may read
    entry = _ENTRY.pack(0x02014B50, 3 << 8 | 45, 45, *stored, 28, 0, 0, 0, 0o100644 << 16, _SEE_64,
                        1, 24, size, size, offset)
    return (header[:_NAME_IN_LOCAL] + title + header[_NAME_IN_LOCAL:],
            entry[:_NAME_IN_ENTRY] + title + entry[_NAME_IN_ENTRY:])


def _end(count: int, size: int, offset: int) -> bytes:
    """The directory's end: its number of entries, its size, and where it begins."""
    return _END.pack(0x06064B50, 44, 3 << 8 | 45, 45, 0, 0, count, count, size, offset,
                     0x07064B50, 0, offset + size, 1,
                     0x06054B50, 0, 0, 0xFFFF, 0xFFFF, _SEE_64, _SEE_64, 0)


# reading


def read(path) -> tuple[str, dict[str, bytes]]:
    """What a file's contents are, and its members; CorruptModelError unless every byte is right.

    No member is read before the file has the very size that the manifest makes it have.
    """
    import stat
    from hashlib import sha256

    info = os.stat(path)
    if not stat.S_ISREG(info.st_mode):
        raise CorruptModelError(ALL, "is a folder or a device, not a file")
    with open(path, "rb") as file:
        size = _manifest_size(file, info.st_size)
        data, directory = _take(file, MANIFEST, size)
        contents, listed = _parse_manifest(data)
        sizes = {MANIFEST: size} | {name: size for name, size, _ in listed}
        both = _LOCAL.size + _ENTRY.size
        end = sum(both + 2 * len(name) + sizes[name] for name in sizes) + _END.size
        if info.st_size != end:
            raise CorruptModelError(ALL, f"has {info.st_size} bytes, not the {end} it should have")
        members = {}
        for name, size, digest in listed:
            members[name], entry = _take(file, name, size)
            if sha256(members[name]).hexdigest() != digest:
                raise CorruptModelError(name, "does not have the SHA-256 that the manifest says")
            directory += entry
        offset = file.tell()
        if file.read() != directory + _end(len(sizes), len(directory), offset):
            raise CorruptModelError("the directory at the end", "is not that of the members")
    return contents, members


def _manifest_size(file, limit: int) -> int:
    """How long the manifest is, of which only the place is known."""
    expected, _ = _headers(MANIFEST, b"", 0)
    header = file.read(len(expected))
    file.seek(0)
    title = slice(_NAME_IN_LOCAL, _NAME_IN_LOCAL + len(MANIFEST))
    if header[:4] != expected[:4] or header[title] != expected[title]:
        raise CorruptModelError(MANIFEST, "is not at the beginning, as in every file of fastnn")
    size = int.from_bytes(header[-8:], "little")
    if len(header) < len(expected) or size > min(MOST_JSON, limit):
        raise CorruptModelError(MANIFEST, "is cut off or too large")
    return size


def _take(file, name: str, size: int) -> tuple[bytes, bytearray]:
    """The next member, which has this name and size, and what the directory says of it."""
    offset = file.tell()
    header, data = file.read(_LOCAL.size + len(name)), file.read(size)
    expected, entry = _headers(name, data, offset)
    if header != expected:
        raise CorruptModelError(name, "does not have the checksum or the header it should have")
    return data, bytearray(entry)


def _parse_manifest(data: bytes) -> tuple[str, list[tuple]]:
    """What the contents are, and (name, size, SHA-256) of the members."""
    manifest = load_json(MANIFEST, data)
    is_ours = isinstance(manifest, dict) and manifest.get("format") == "fastnn"
    version = manifest.get("format_version") if is_ours else None
    if type(version) is int and version > VERSION:
        raise ValueError(
            f"The file has version {version} of fastnn's format, written by fastnn "
            f"{manifest.get('fastnn_version')!r:.50}; fastnn {__version__} reads versions up to "
            f"{VERSION}. Install a newer fastnn: pip install -U fastnn.")
    try:
        contents, members = manifest["contents"], manifest["members"]
        listed = [(member["name"], member["size"], member["sha256"]) for member in members]
        right = (type(version) is int and version == VERSION and contents in CONTENTS
                 and isinstance(manifest["fastnn_version"], str) and len(manifest) == 5
                 and isinstance(members, list)
                 and all(len(member) == 3 for member in members) and _sound(listed))
    except (KeyError, TypeError):
        right = False
    if not right:
        raise CorruptModelError(MANIFEST, "is not the list of members it should be")
    return contents, listed


def _sound(listed: list[tuple]) -> bool:
    """Whether names are plain and different, and sizes not absurd."""
    import re

    plain = re.compile(r"[\w%-][\w%.-]*(/[\w%-][\w%.-]*)*", re.ASCII)  # relative, and no ".."
    names = [MANIFEST, *(name for name, _, _ in listed)]
    return (len(listed) <= MOST_MEMBERS and len(set(names)) == len(names)
            and all(len(name) <= LONGEST_NAME and plain.fullmatch(name) for name in names)
            and all(type(size) is int and 0 <= size < 1 << 63 for _, size, _ in listed))


# JSON


def dump_json(name: str, value) -> bytes:
    """``value`` as JSON, keys sorted; ValueError if JSON, or a reader's limits, cannot hold it."""
    import json

    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False,
                          default=_plain)
        load_json(name, text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        problem = error.problem if isinstance(error, CorruptModelError) else error
        raise ValueError(f"{name} cannot be saved. It must be plain data (dictionaries with text "
                         "as keys, lists, text, finite numbers, True, False, None): "
                         f"{problem}.") from error
    return text.encode()


def _plain(value):
    """NumPy's numbers and arrays as Python's."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"received {value!r:.100} of type {type(value).__name__}")


def load_json(name: str, data: bytes):
    """What JSON says; CorruptModelError for anything that is not plainly JSON, or too large."""
    import json

    if len(data) > MOST_JSON or _is_deep(data):
        raise CorruptModelError(
            name, f"is larger than {MOST_JSON} bytes or nested more than {MOST_NESTING} deep")
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_object, parse_float=_finite,
                          parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise CorruptModelError(name, f"is not plain JSON ({error})") from error


def _is_deep(data: bytes) -> bool:
    """Whether brackets lie too deep in brackets; asked first, as Python's parser is recursive."""
    import re
    from itertools import accumulate

    outside = re.sub(rb'"(?:[^"\\]++|\\.)*+"', b"", data, flags=re.DOTALL)
    steps = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
    brackets = re.sub(rb"[^][{}]++", b"", outside)
    return any(depth > MOST_NESTING for depth in accumulate(map(steps.__getitem__, brackets)))


def _object(pairs: list[tuple]) -> dict:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if number - number != 0:
        raise ValueError(f"{text:.20} is not a finite number")
    return number

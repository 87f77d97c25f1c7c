"""Files of data sets: the cache folder, downloads with a checksum, arrays without pickles."""

from __future__ import annotations

import os

import numpy as np

TIMEOUT = 30  # seconds without an answer
CHUNK = 1 << 20


def home() -> str:
    """The folder of downloaded files: FASTNN_HOME, else ~/.cache/fastnn."""
    return os.path.expanduser(os.environ.get("FASTNN_HOME") or "~/.cache/fastnn")


def fetch(url: str, sha256: str, name: str) -> str:
    """The path of file ``name`` in the cache; downloaded first, unless a right copy is there.

    A file appears under its name only when it is complete and its checksum is right.
    """
    path = os.path.join(home(), name)
    if os.path.isfile(path) and _digest(path) == sha256:
        return path
    os.makedirs(home(), exist_ok=True)
    part = f"{path}.{os.getpid()}.part"
    try:
        _download(url, part, path)
        found = _digest(part)
        if found != sha256:
            raise ValueError(
                f"expected a file with SHA-256 {sha256}, received {found} from {url}. Nothing was "
                "kept. Try again; if it stays so, something on the way changes the file."
            )
        os.replace(part, path)
    finally:
        if os.path.exists(part):
            os.remove(part)
    return path


def read_npz(path: str, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The named arrays of an .npz file; pickled objects are refused."""
    import zipfile
    import zlib

    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            missing = [name for name in names if name not in arrays.files]
            if not missing:
                return {name: arrays[name] for name in names}
            found = ", ".join(arrays.files) or "no arrays"
    except (ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"expected an .npz file of plain arrays at {path}: {error}") from error
    raise ValueError(
        f"expected the arrays {', '.join(names)} in {path}, received {found}; "
        f"{', '.join(missing)} missing."
    )


def _digest(path: str) -> str:
    import hashlib

    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(url: str, part: str, path: str):
    import http.client
    import sys
    import urllib.error
    import urllib.request

    broken = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)
    print(f"Downloading {url} to {path}", file=sys.stderr)
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, open(part, "wb") as file:
            while chunk := answer.read(CHUNK):
                file.write(chunk)
            if answer.length:  # what read() does not call an error
                raise ConnectionError(f"the connection ended {answer.length} bytes too early")
    except broken as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it holds the connection
        raise ConnectionError(
            f"could not download {url}: {error}. Connect this machine to the internet and try "
            f"again, or copy the file from another machine to {path}."
        ) from error

"""Claims among the processes of one machine: whoever holds a key asks for it, and whoever dies holds nothing.

A claim is a lock on one byte, whose place is a hash of the key, of a file that stays empty. The kernel drops such locks with
their process, also after `kill -9`, and knows no leases, heartbeats or stale files. Two things of POSIX are mended here: locks
belong to the process, so two stores in one would both get them; and closing any descriptor of a file drops them all. Each file
is therefore open once per process, and who holds what is also written down.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

FILES = 16
"""The kernel walks a list of all locks of a file at each call: 50,000 claims take 50 s in one file, 7 s in sixteen."""


@dataclass
class _File:
    """A file of locks, open once in this process."""

    descriptor: int
    users: int = 0
    holders: dict[int, Claims] = field(default_factory=dict)


_open_files: dict[tuple[int, int], _File] = {}
"""By device and inode."""
_guard = threading.Lock()


def _forget() -> None:
    """A forked child has none of its parent's locks."""
    global _guard
    _guard = threading.Lock()
    _open_files.clear()


os.register_at_fork(after_in_child=_forget)


class Claims:
    """The claims of one store of this process, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._ids: list[tuple[int, int]] = []
        with _guard:
            for number in range(FILES):
                self._ids.append(_opened(folder / f"{number:x}"))
        self._files = [_open_files[each] for each in self._ids]

    def take(self, keys: Collection[str]) -> set[str]:
        """The keys that nobody else holds; from now on this store does."""
        with _guard:
            return {key for key in keys if self._take(*_place(key))}

    def _take(self, number: int, offset: int) -> bool:
        file = self._files[number]
        if offset in file.holders:
            return False
        try:
            fcntl.lockf(file.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise
        file.holders[offset] = self
        return True

    def drop(self, keys: Collection[str]) -> None:
        """Gives up those of the keys that this store holds."""
        with _guard:
            for number, offset in map(_place, keys):
                file = self._files[number]
                if file.holders.get(offset) is self:
                    del file.holders[offset]
                    fcntl.lockf(file.descriptor, fcntl.LOCK_UN, 1, offset)

    def close(self) -> None:
        """Gives up all that this store holds."""
        with _guard:
            for each, file in zip(self._ids, self._files, strict=True):
                for offset in [offset for offset, holder in file.holders.items() if holder is self]:
                    del file.holders[offset]
                    fcntl.lockf(file.descriptor, fcntl.LOCK_UN, 1, offset)
                file.users -= 1
                if not file.users and each in _open_files:
                    del _open_files[each]
                    os.close(file.descriptor)


def _opened(path: Path) -> tuple[int, int]:
    """Opens a file unless this process has it open; its device and inode."""
    if path.exists():
        status = path.stat()
        if (file := _open_files.get((status.st_dev, status.st_ino))) is not None:
            file.users += 1
            return status.st_dev, status.st_ino
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    status = os.fstat(descriptor)
    _open_files[status.st_dev, status.st_ino] = _File(descriptor, 1)
    return status.st_dev, status.st_ino


def _place(key: str) -> tuple[int, int]:
    """The file and the byte that stand for a key. Two keys with one place, once in 2**64 pairs, wait for each other."""
    number = int.from_bytes(blake2b(key.encode("utf-8", "replace"), digest_size=8).digest())
    return number % FILES, number // FILES

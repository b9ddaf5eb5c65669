"""Landlock through its three system calls: which files may be read and written, and nothing else."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

from deployhub.engine.sandbox.kernel_calls import (
    LANDLOCK_ADD_RULE,
    LANDLOCK_CREATE_RULESET,
    LANDLOCK_RESTRICT_SELF,
    PR_SET_NO_NEW_PRIVS,
    kernel_call,
    prctl,
)

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG, MAKE_SYM = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
REFER, TRUNCATE = 1 << 13, 1 << 14
READ = READ_FILE | READ_DIR
RUN = READ | EXECUTE
# No sockets, fifos or devices; no EXECUTE: what a job writes it cannot start. Symbolic links may be made
# (exporters do), the parent refuses them in the output.
WRITE = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SYM | REFER | TRUNCATE
_FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
_HANDLED_FS_BITS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16, 6: 16, 7: 16, 8: 16, 9: 17}
_SCOPE_ALL = 0b11  # abstract unix sockets, signals
SCOPE_ABI = 6


class _RulesetAttr(ctypes.Structure):
    _fields_ = [
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    ]


class _PathBeneathAttr(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


def landlock_abi() -> int:
    """The kernel's Landlock version; 0 where there is none or it is switched off."""
    try:
        return kernel_call(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    except OSError:
        return 0


def landlock_restrict(rules: Iterable[tuple[Path | int, int]]) -> None:
    """Confine this thread and all it starts to `rules`: pairs of a path (or open descriptor) and rights.

    A path that does not exist is left out. Raises OSError when the kernel refuses.
    """
    abi = landlock_abi()
    if abi == 0:
        raise OSError("This kernel has no Landlock.")
    handled = (1 << _HANDLED_FS_BITS.get(abi, 17)) - 1
    net = 0b1111 if abi >= 10 else 0b11 if abi >= 4 else 0
    attr = _RulesetAttr(handled, net, _SCOPE_ALL if abi >= SCOPE_ABI else 0)
    size = 24 if abi >= SCOPE_ABI else 16 if abi >= 4 else 8
    ruleset = kernel_call(
        LANDLOCK_CREATE_RULESET, ctypes.byref(attr), ctypes.c_size_t(size), ctypes.c_uint32(0)
    )
    try:
        for where, rights in rules:
            _rule_add(ruleset, where, rights & handled)
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        kernel_call(LANDLOCK_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def _rule_add(ruleset: int, where: Path | int, rights: int) -> None:
    try:
        descriptor = os.open(where, os.O_PATH | os.O_CLOEXEC) if isinstance(where, Path) else where
    except OSError:
        return
    try:
        is_folder = os.path.isdir(where) if isinstance(where, Path) else True
        granted = rights if is_folder else rights & _FILE_RIGHTS
        rule = _PathBeneathAttr(granted, descriptor)
        kernel_call(
            LANDLOCK_ADD_RULE,
            ctypes.c_int(ruleset),
            ctypes.c_int(1),
            ctypes.byref(rule),
            ctypes.c_uint32(0),
        )
    finally:
        if isinstance(where, Path):
            os.close(descriptor)

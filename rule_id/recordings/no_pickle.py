"""What a file is that was given for a pickle and is none."""

from __future__ import annotations

import pickletools

from rule_id.recordings.kinds import HDF5_MAGIC, ZIP_MAGIC

__all__ = ["kind_of_no_pickle"]

KINDS = {
    "an npz file or another zip": ZIP_MAGIC,
    "a npy file, one array": (b"\x93NUMPY",),
    "an HDF5 file": (HDF5_MAGIC,),
    "a MATLAB file": (b"MATLAB",),
    "a Parquet file": (b"PAR1",),
    "compressed, by gzip, bzip2 or xz": (b"\x1f\x8b", b"BZh", b"\xfd7zXZ"),
}
"""What files of other kinds begin with."""


def kind_of_no_pickle(content: bytes) -> str | None:
    """Say what a file is, from its first bytes, or None where it may be a pickle.

    Args:
        content: The file's, of which reading as a pickle failed.

    Returns:
        Such as `an HDF5 file`, or `a text` for what can be read as text and is no sequence of
        opcodes that ends.
    """
    for kind, starts in KINDS.items():
        if content.startswith(starts):
            return kind
    return "a text" if _is_text(content) and not _is_program(content) else None


def _is_text(content: bytes) -> bool:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return False
    return bool(text.strip()) and all(one.isprintable() or one in "\t\r\n\f" for one in text)


def _is_program(content: bytes) -> bool:
    """Say whether a pickle of protocol 0 is written to its end; nothing of it is run."""
    try:
        return any(opcode.name == "STOP" for opcode, _, _ in pickletools.genops(content))
    # What the readers of arguments raise is not documented.
    except Exception:
        return False

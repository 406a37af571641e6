"""The parts of a compact corpus: how trajectories are kept in few bytes, and read again."""

from rule_id.compact_parts.files import (
    MOST_ROWS,
    MOST_TEXT,
    is_compact_part,
    read_keys,
    read_part,
    write_part,
)
from rule_id.compact_parts.hashes import changed_files, hashes_of
from rule_id.compact_parts.kept import DERIVED, KEPT, LOST
from rule_id.compact_parts.rows import PartTables, coded, decoded, joined, keys

__all__ = [
    "DERIVED",
    "KEPT",
    "LOST",
    "MOST_ROWS",
    "MOST_TEXT",
    "PartTables",
    "changed_files",
    "coded",
    "decoded",
    "hashes_of",
    "joined",
    "keys",
    "is_compact_part",
    "read_keys",
    "read_part",
    "write_part",
]

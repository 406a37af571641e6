"""The trials table of an NWB file."""

from __future__ import annotations

from collections.abc import Sequence

from rule_id.errors import InputError
from rule_id.recordings.nwb.columns import column
from rule_id.recordings.nwb.opening import OpenFile
from rule_id.recordings.reading import Reading
from rule_id.recordings.trials import Trials, aligned_trials

__all__ = ["one_condition", "trials_of"]

NO_CONDITIONS = ("id", "tags", "timeseries")
"""Columns that NWB gives to tables of trials, beside times."""


def trials_of(file: OpenFile, reading: Reading) -> Trials:
    """Return the trials of a file, aligned to `reading.event`.

    Raises:
        InputError: It has no table of trials, or not the columns that `reading` names.
    """
    table = file.nwb.trials
    if table is None:
        raise InputError(
            "it must have a table of trials, with a row for each and the time of its "
            f"{reading.event} in seconds; it has none"
        )
    events = column(table, reading.event)
    if events.dtype.kind not in "iuf":
        raise InputError(f"event must be a column of times in seconds; {reading.event} is none")
    condition = reading.condition
    conditions = None if condition is None else column(table, condition)
    return aligned_trials(events.astype(float), conditions, reading.window)


def one_condition(files: Sequence[OpenFile], reading: Reading) -> list[str]:
    """Say which columns could tell conditions apart, where none is named."""
    tables = [file.nwb.trials for file in files]
    if reading.condition is not None or not tables:
        return []
    common = [
        name
        for name in tables[0].colnames
        if name not in (*NO_CONDITIONS, reading.event)
        and not name.endswith("_time")
        and all(name in table.colnames for table in tables)
    ]
    if not common:
        return []
    return [
        f"every trial counts as one condition; trials have the columns {', '.join(common[:10])}: "
        "name one with condition"
    ]

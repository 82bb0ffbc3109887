"""A journal in one SQLite file: the default. One server process at a time.

Write-ahead logging, one connection that writes in a thread of its own, and one that
reads in another. With `synchronous=FULL` an append survives a loss of power; with
`NORMAL` it survives a killed process, and power loss may cost the last moments.

`journal` has the port and the two threads. In the writer's thread: `opening` and
`schema` at start, `writer` for appends, `upkeep` for what makes room, `indexing`. In the reader's:
`reader`, `searching`. `backup` and `check` work beside a running server, `repair` in its absence.

What is read is checked: `quick_check` at start, then each entry by its checksum (`blocks`).
Files of before there were blocks are read by `rows_of_before`, and become ours by `converting`.
"""

from .audit_log import audit_records
from .backup import BackupFailed, Copied, backup
from .check import Checked, CheckedRoom, check
from .journal import SQLiteJournal
from .repair import Repaired, RepairFailed, repair
from .rollback import Rollback, RollbackFailed, plan, roll_back
from .schema import SCHEMA_VERSION

__all__ = [
    "SCHEMA_VERSION",
    "BackupFailed",
    "Checked",
    "CheckedRoom",
    "Copied",
    "RepairFailed",
    "Repaired",
    "Rollback",
    "RollbackFailed",
    "SQLiteJournal",
    "audit_records",
    "backup",
    "check",
    "plan",
    "repair",
    "roll_back",
]

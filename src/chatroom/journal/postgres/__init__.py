"""A journal in a PostgreSQL database, which several servers may share.

All tables are in its schema `chatroom`. Everything is done in the event loop. `journal` has the
port. What writes goes one after another over one connection (`turns`): an append is one statement
(`appending`), and `withdrawing` puts other entries into the place of some. What is read or cleared
away takes one of a few more (`connecting`): `reading`, `searching`, `upkeep`, `audit_log`.
`opening` and `schema` at start; `leases`: which nodes live.
"""

from .connecting import Patience
from .journal import PostgresJournal
from .schema import SCHEMA_VERSION

__all__ = ["SCHEMA_VERSION", "Patience", "PostgresJournal"]

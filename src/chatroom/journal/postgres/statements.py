"""Short statements. What writes is a turn: see `turns`."""

from __future__ import annotations

from .appending import LEASE_SECONDS
from .rows import MEMBER

MINE = f"""
WITH mine AS (
  UPDATE chatroom.node SET turn = $2::int8,
    expires = clock_timestamp() + interval '{LEASE_SECONDS} seconds'
    WHERE id = $1::int8 AND turn < $2::int8 AND expires > clock_timestamp() RETURNING id
)"""
"""What each turn begins with that is no append: the node, and the number of the turn."""

PROBE = MINE + " SELECT EXISTS (SELECT FROM mine) AS mine, NULL AS done"

CREATE_ROOM = (
    MINE
    + """, made AS (
  INSERT INTO chatroom.room (room_id, epoch, created, title, private, capacity, history, creator)
    SELECT $3::text, $4::text, $5::int8, $6::text, $7::bool, $8::int8, $9::int8, $10::text FROM mine
    ON CONFLICT DO NOTHING RETURNING key
)
SELECT EXISTS (SELECT FROM mine) AS mine, (SELECT key FROM made) AS done
"""
)
FIND_ROOM = "SELECT key FROM chatroom.room WHERE room_id = $1 AND closed IS NULL"

SESSION = f"SELECT room, {MEMBER} FROM chatroom.member WHERE session = $1 AND gone IS NULL"

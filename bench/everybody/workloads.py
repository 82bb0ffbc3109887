"""All workloads, by name, in the order of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.everybody.gathering import GATHERING
from bench.everybody.returning import RETURNING
from bench.everybody.talking import TALKING, Lasting, Stalled

if TYPE_CHECKING:
    from bench.everybody.trials import Trial

TRIALS: dict[str, Trial] = {
    trial.name: trial for trial in (*TALKING, Stalled(), *GATHERING, *RETURNING, Lasting())
}

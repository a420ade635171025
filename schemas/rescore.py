"""Messages of RescoreWorkflow."""

from datetime import datetime, timedelta

from schemas.message import Message

RESEARCH_QUEUE = "research"
"""Task queue of what takes a processor: as many machines poll it as there are."""

RESCORE_ID = "rescore"
SCHEDULE_ID = "rescore"

EVERY = timedelta(hours=6)
"""A quarter of the age at which a roster is stale: three runs may fail before entries stop."""

TOO_OLD = "RosterTooOld"
"""The type of the failure of a run whose roster would be stale from the start."""


class RescoreInput(Message):
    """Start of a rescoring.

    Without `as_of` it judges by what is known now; `pull` reads the public history first. `shards` is how many
    parts the wallets are scored in; without it, as many as their number asks for. `rank_by` orders the roster;
    without it, as the research workers' settings say.
    """

    as_of: datetime | None = None
    pull: bool = False
    shards: int | None = None
    by: str = "schedule"
    rank_by: str | None = None


class RunAsk(Message):
    """Which run an activity is about."""

    run: str


class PlanAsk(Message):
    """Plan a run."""

    run: str
    as_of: datetime | None
    shards: int | None
    rank_by: str | None = None


class Plan(Message):
    """A planned run: how many wallets, in how many shards."""

    run: str
    as_of: datetime
    shards: int
    wallets: int


class ShardAsk(Message):
    """Score one shard of a run."""

    run: str
    number: int
    count: int


class ShardDone(Message):
    """A finished shard; `repeated` if it was finished before."""

    number: int
    wallets: int
    repeated: bool


class LessonDone(Message):
    """Whether a model of single purchases may size stakes, and why."""

    use: bool
    why: str


class RefreshDone(Message):
    """What was pulled before a run."""

    wallets: int
    trades: int


class RescoreProgress(Message):
    """Where a run stands."""

    stage: str = "starting"
    shards: int = 0
    shards_done: int = 0
    wallets: int = 0
    wallets_done: int = 0


class RescoreResult(Message):
    """What came of a run; `funnel` adds up to the wallets."""

    run: str
    as_of: datetime
    wallets: int
    roster_version: int
    funnel: dict[str, int]
    active: int
    probation: int
    demoted: int
    notice: str
    learned_model: str = ""
    rank_by: str = ""

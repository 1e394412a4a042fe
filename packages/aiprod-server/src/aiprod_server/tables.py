"""The tables of the service, for SQLite and PostgreSQL alike. Knows no rule but those a constraint can hold.

Times are seconds since 1970 UTC, as floats: both databases compare them as numbers, and a test can name any moment.
The migrations build these tables; a test holds the two equal.
"""

from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

clients = sa.Table(
    "clients",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("max_running", sa.Integer),  # null: no cap
    sa.Column("max_queued", sa.Integer),
    sa.Column("max_requests_per_min", sa.Integer),  # null: as the service's settings say
    # Seconds of devices that a calendar month (UTC) may take, and what the month in `spent_month` took so far.
    sa.Column("budget_device_s", sa.Double),
    sa.Column("spent_device_s", sa.Double, nullable=False, server_default="0"),
    sa.Column("spent_month", sa.String(7), nullable=False, server_default=""),
    sa.Column("webhook_url", sa.Text),  # where the ends of jobs are told, unless a job names another place
    sa.Column("webhook_secret", sa.Text),
    sa.Column("webhook_disabled_at", sa.Double),  # the receiver answered 410
    sa.Column("last_started", sa.Double, nullable=False, server_default="0"),
    # How many jobs were ever started: breaks ties of `last_started`, and tells a claimer that another was faster.
    sa.Column("started", sa.Integer, nullable=False, server_default="0"),
    sa.CheckConstraint("max_running >= 0", name="max_running"),
    sa.CheckConstraint("max_queued >= 0", name="max_queued"),
    sa.CheckConstraint("max_requests_per_min >= 0", name="max_requests_per_min"),
    sa.CheckConstraint("budget_device_s >= 0 AND spent_device_s >= 0", name="budget"),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("client", sa.ForeignKey("clients.name"), nullable=False),
    sa.Column("state", sa.String(9), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),  # as of `nice`: the smallest goes first
    sa.Column("kind", sa.String(16), nullable=False, server_default="clip"),
    sa.Column("tier", sa.String(8), nullable=False, server_default="standard"),
    sa.Column("batch_key", sa.String(64)),  # jobs of one key can be rendered together; null: alone
    sa.Column("estimate_s", sa.Double),  # of device time, as the client was told
    sa.Column("request", sa.JSON, nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("idempotency_key", sa.String(255)),
    sa.Column("submitted_at", sa.Double, nullable=False),
    sa.Column("run_at", sa.Double, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("max_attempts", sa.Integer, nullable=False),
    sa.Column("worker", sa.String(255)),
    sa.Column("lease_until", sa.Double),
    sa.Column("started_at", sa.Double),
    sa.Column("finished_at", sa.Double),
    sa.Column("reason", sa.Text),
    sa.Column("progress", sa.Double, nullable=False, server_default="0"),  # 0 to 1
    sa.Column("result", sa.JSON),  # of a completed job: its files by role, with SHA-256 and size
    sa.Column("webhook_url", sa.Text),
    sa.Column("expires_at", sa.Double),  # when its files go; null: not yet known, or never
    sa.Column("deleted_at", sa.Double),  # its client deleted it, and sees it no more
    sa.Column("files_removed_at", sa.Double),  # its files are gone
    sa.UniqueConstraint("client", "idempotency_key"),
    sa.CheckConstraint("state IN ('queued', 'running', 'completed', 'failed', 'cancelled')", name="state"),
    sa.CheckConstraint("attempt BETWEEN 0 AND max_attempts", name="attempt"),
    sa.CheckConstraint("(state = 'running') = (lease_until IS NOT NULL)", name="lease"),
    sa.Index("ix_jobs_client_submitted_at_id", "client", "submitted_at", "id"),
)

# Written out and never a parameter: only so do the databases know that the indexes below have every row that is asked.
QUEUED = jobs.c.state == sa.literal_column("'queued'")
RUNNING = jobs.c.state == sa.literal_column("'running'")


def _index_where(which: sa.ColumnElement[bool], name: str, *columns: sa.Column[Any]) -> None:
    """Index some jobs apart from the others."""
    sa.Index(name, *columns, sqlite_where=which, postgresql_where=which)


# Claims look at few jobs, however many have ended.
# A client's next job is the first entry of its stretch of this index, however many wait behind it.
_index_where(QUEUED, "ix_jobs_waiting", jobs.c.client, jobs.c.priority, jobs.c.submitted_at, jobs.c.id, jobs.c.run_at)
_index_where(
    sa.and_(QUEUED, jobs.c.batch_key.is_not(None)),
    "ix_jobs_alike",
    *(jobs.c.batch_key, jobs.c.client, jobs.c.priority, jobs.c.submitted_at, jobs.c.id),
)
# Without `lease_until`, which every beat writes: as many as there are devices are soon looked through.
_index_where(RUNNING, "ix_jobs_running", jobs.c.client)
# What expires is looked at once.
_index_where(jobs.c.files_removed_at.is_(None), "ix_jobs_expires_at", jobs.c.expires_at)
# What metrics and costs add up is what has ended since they last looked, and how many ended how.
_index_where(jobs.c.finished_at.is_not(None), "ix_jobs_finished_at", jobs.c.finished_at, jobs.c.state)

job_steps = sa.Table(
    "job_steps",
    metadata,
    sa.Column("job_id", sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("finished_at", sa.Double, nullable=False),
)

job_events = sa.Table(
    "job_events",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("job_id", sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Index("ix_job_events_job_id_id", "job_id", "id"),
    sqlite_autoincrement=True,  # an id is never used again, so a watcher's place in the stream stays true
)

charges = sa.Table(
    "charges",
    metadata,
    sa.Column("job_id", sa.ForeignKey("jobs.id"), primary_key=True),  # the key of the table: a job is billed once
    sa.Column("client", sa.ForeignKey("clients.name"), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("device_s", sa.Double, nullable=False),
    sa.Column("cost_microeur", sa.BigInteger, nullable=False),
    sa.CheckConstraint("device_s >= 0 AND cost_microeur >= 0", name="amount"),
    sa.Index("ix_charges_client_at", "client", "at"),
    sa.Index("ix_charges_at", "at"),
)

webhook_outbox = sa.Table(
    "webhook_outbox",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),  # the `webhook-id`, the same on each retry
    sa.Column("job_id", sa.ForeignKey("jobs.id"), nullable=False, unique=True),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("next_at", sa.Double),  # null: nothing more will be tried
    sa.Column("state", sa.String(9), nullable=False, server_default="waiting"),
    sa.Column("reason", sa.Text),  # of the latest attempt
    sa.CheckConstraint("state IN ('waiting', 'delivered', 'disabled', 'given_up')", name="state"),
    sa.Index("ix_webhook_outbox_next_at", "next_at"),
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("machine", sa.String(255), nullable=False),
    sa.Column("device", sa.String(64), nullable=False),
    sa.Column("started_at", sa.Double, nullable=False),
    sa.Column("seen_at", sa.Double, nullable=False),
    sa.Column("draining", sa.Boolean, nullable=False),
    sa.Column("gpus", sa.JSON(none_as_null=True)),  # of its machine, as it measured them last
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("id", sa.String(11), primary_key=True),
    sa.Column("client", sa.ForeignKey("clients.name"), nullable=False),
    sa.Column("name", sa.String(64), nullable=False, server_default=""),  # the owner's own, to tell keys apart
    sa.Column("digest", sa.LargeBinary(32), nullable=False),
    sa.Column("pepper_mark", sa.String(16), nullable=False),  # which pepper the digest was made with
    sa.Column("roles", sa.JSON, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double),
    sa.Column("revoked_at", sa.Double),
    sa.Column("last_used_at", sa.Double),
    sa.Index("ix_api_keys_client", "client"),
)

audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("text", sa.Text, nullable=False),  # canonical JSON, as it was sealed
    sa.Column("seal", sa.LargeBinary(32), nullable=False),
)

usage_log = sa.Table(
    "usage_log",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("client", sa.String(64), nullable=False),
    sa.Column("key_id", sa.String(64), nullable=False),  # of an API key, or the subject of a token
    sa.Column("method", sa.String(8), nullable=False),
    sa.Column("route", sa.String(128), nullable=False),  # its pattern, without ids
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("duration_s", sa.Double, nullable=False),
    sa.Index("ix_usage_log_client_at", "client", "at"),
)

error_log = sa.Table(
    "error_log",
    metadata,
    sa.Column("fingerprint", sa.String(64), primary_key=True),  # of the kind and the place: alike errors are one row
    sa.Column("source", sa.String(16), nullable=False),  # gateway, worker or render
    sa.Column("kind", sa.String(128), nullable=False),
    sa.Column("message", sa.Text, nullable=False),  # of the latest
    sa.Column("trace", sa.Text, nullable=False),
    sa.Column("occurrences", sa.BigInteger, nullable=False),
    sa.Column("first_at", sa.Double, nullable=False),
    sa.Column("last_at", sa.Double, nullable=False),
    sa.Column("last_job_id", sa.String(32)),
)

cost_log = sa.Table(
    "cost_log",
    metadata,
    sa.Column("day", sa.String(10), primary_key=True),  # ISO 8601, UTC
    sa.Column("client", sa.ForeignKey("clients.name"), primary_key=True),
    sa.Column("jobs", sa.Integer, nullable=False),
    sa.Column("device_s", sa.Double, nullable=False),
    sa.Column("render_microeur", sa.BigInteger, nullable=False),
    sa.Column("stored_bytes", sa.BigInteger, nullable=False),
    sa.Column("storage_microeur", sa.BigInteger, nullable=False),
)

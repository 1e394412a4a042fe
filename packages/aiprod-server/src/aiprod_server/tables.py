"""The tables of the durable queue, for SQLite and PostgreSQL alike. Knows no rule but those a constraint can hold.

Times are seconds since 1970 UTC, as floats: both databases compare them as numbers, and a test can name any moment.
The migrations build these tables; a test holds the two equal.
"""

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
    sa.Column("last_started", sa.Double, nullable=False, server_default="0"),
    # How many jobs were ever started: breaks ties of `last_started`, and tells a claimer that another was faster.
    sa.Column("started", sa.Integer, nullable=False, server_default="0"),
    sa.CheckConstraint("max_running >= 0", name="max_running"),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("client", sa.ForeignKey("clients.name"), nullable=False),
    sa.Column("state", sa.String(9), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),  # as of `nice`: the smallest goes first
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
    sa.UniqueConstraint("client", "idempotency_key"),
    sa.CheckConstraint("state IN ('queued', 'running', 'completed', 'failed', 'cancelled')", name="state"),
    sa.CheckConstraint("attempt BETWEEN 0 AND max_attempts", name="attempt"),
    sa.CheckConstraint("(state = 'running') = (lease_until IS NOT NULL)", name="lease"),
    # A client's next job is the first entry of its stretch of this index, however many wait behind it.
    sa.Index("ix_jobs_waiting", "state", "client", "priority", "submitted_at", "id", "run_at"),
    sa.Index("ix_jobs_leases", "state", "lease_until"),
)

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
)

webhook_outbox = sa.Table(
    "webhook_outbox",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),  # the `webhook-id`, the same on each retry
    sa.Column("job_id", sa.ForeignKey("jobs.id"), nullable=False, unique=True),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
)

"""The tables. One schema for SQLite and Postgres; what changes it is a new file in `migrations/`.

JSON is kept as text that was dumped before (four times faster than the JSON type on SQLite, and an
output item is answered as the very text that was saved).
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts up by itself only in a column of the type INTEGER.
Sequence = BigInteger().with_variant(Integer, "sqlite")


def _sequence() -> Column[int]:
    """The order of insertion: breaks ties of `created_at`, so that pages never overlap."""
    return Column("seq", Sequence, primary_key=True, autoincrement=True)


def _run_id(*, primary_key: bool = False) -> Column[str]:
    return Column(
        "run_id",
        Text,
        ForeignKey("runs.id", ondelete="CASCADE"),
        nullable=False,
        primary_key=primary_key,
    )


def _project_id(*, primary_key: bool = False) -> Column[int]:
    """To whom a row belongs. What hangs on an eval is of the eval's project."""
    return Column(
        "project_id",
        Integer,
        ForeignKey("projects.id"),
        nullable=False,
        primary_key=primary_key,
        autoincrement=False,
    )


projects = Table(
    "projects",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

# Revoked keys stay: from the first one on the server asks for a key (decision 0009).
api_keys = Table(
    "api_keys",
    metadata,
    _sequence(),
    Column("id", Text, nullable=False, unique=True),
    _project_id(),
    Column("name", Text, nullable=False),
    # The SHA-256 of the key, which is kept nowhere.
    Column("hash", Text, nullable=False, unique=True),
    Column("hint", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    sqlite_autoincrement=True,
)

# Readers of the pages, who have signed in with a key.
sessions = Table(
    "sessions",
    metadata,
    # The SHA-256 of the token in the reader's cookie.
    Column("hash", Text, primary_key=True),
    Column("key_id", Text, ForeignKey("api_keys.id", ondelete="CASCADE"), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "expires_at"),
    Index(None, "key_id"),
)

# Secrets that the server made for itself, by what they are for.
server_secrets = Table(
    "server_secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("secret", Text, nullable=False),
)

evals = Table(
    "evals",
    metadata,
    _sequence(),
    _project_id(),
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("data_source_config", Text, nullable=False),
    Column("testing_criteria", Text, nullable=False),
    Column("metadata", Text),
    # A JSON object on an eval that was imported: when, whether it was put together from its output items
    # alone, and the keys that came with it and mean nothing here. Null for one that was made here.
    Column("imported", Text),
    Index(None, "project_id", "created_at", "seq"),
    Index(None, "project_id", "updated_at", "seq"),
    sqlite_autoincrement=True,
)

runs = Table(
    "runs",
    metadata,
    _sequence(),
    Column("id", Text, nullable=False, unique=True),
    Column("eval_id", Text, ForeignKey("evals.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("model", Text),
    Column("status", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # The data source without its rows: all that carrying out the run needs of it.
    Column("plan", Text, nullable=False),
    # The file that the rows come from, until they are read.
    Column("unread_file_id", Text),
    Column("metadata", Text),
    Column("error_code", Text),
    Column("error_message", Text),
    # Null until the rows are read and cut into chunks.
    Column("row_count", Integer),
    Column("passed", Integer, nullable=False, default=0),
    Column("failed", Integer, nullable=False, default=0),
    Column("errored", Integer, nullable=False, default=0),
    Column("calls_aborted", Integer, nullable=False, default=0),
    Column("started_at", Float),
    Column("finished_at", Float),
    # When its workers were asked to stop, by the clock of Postgres; null before a cancel, and on SQLite.
    Column("stop_asked_at", Float),
    # How often it went on after its end, and for how many seconds it had been carried out by then.
    Column("resumes", Integer, nullable=False, server_default="0"),
    Column("seconds_before", Float, nullable=False, server_default="0"),
    # Of a run that grades the samples of another one, a JSON object: which one, and its items then.
    Column("regrade_of", Text),
    Index(None, "eval_id", "created_at", "seq"),
    Index(None, "status", "seq"),
    sqlite_autoincrement=True,
)

# The data source as the API answers it. With rows sent inline it can be many megabytes, and the row of
# the run is written at every save.
run_data_sources = Table(
    "run_data_sources",
    metadata,
    _run_id(primary_key=True),
    Column("data_source", Text, nullable=False),
)

# History: runs that were carried out elsewhere. They are answered from what came of them; their row in
# `runs` has what lists and pages go by.
imported_runs = Table(
    "imported_runs",
    metadata,
    _run_id(primary_key=True),
    Column("imported_at", BigInteger, nullable=False),
    # The status that it came with: one that was not over there is canceled here.
    Column("status", Text, nullable=False),
    # 1: put together from its output items alone, by whoever sent it.
    Column("reconstructed", Integer, nullable=False),
    # The run as the API shows it, without its data source and what is evald's.
    Column("body", Text, nullable=False),
    # What another evald had added to it, as far as it was sound.
    Column("extras", Text, nullable=False),
)

# By which the report of a run can be read without a key. Their tokens are kept nowhere: they are signed
# with a secret of the server.
share_links = Table(
    "share_links",
    metadata,
    # 32 hexadecimal digits.
    Column("id", Text, primary_key=True),
    _run_id(),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Index(None, "run_id", "created_at", "id"),
    Index(None, "expires_at"),
)

run_criteria = Table(
    "run_criteria",
    metadata,
    _run_id(primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("passed", Integer, nullable=False, default=0),
    Column("failed", Integer, nullable=False, default=0),
    Column("errored", Integer, nullable=False, default=0),
)

run_usage = Table(
    "run_usage",
    metadata,
    _run_id(primary_key=True),
    Column("model_name", Text, primary_key=True),
    # sampling or judging
    Column("purpose", Text, primary_key=True),
    Column("invocation_count", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("total_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
)

# The rows of a run, as they were when it was created: compressed JSON lines, some hundred a chunk.
chunks = Table(
    "chunks",
    metadata,
    _run_id(primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("first_row", Integer, nullable=False),
    Column("row_count", Integer, nullable=False),
    Column("rows", LargeBinary, nullable=False),
    # Who carries the chunk out; a save under an older claim is refused.
    Column("claim", Text),
)

output_items = Table(
    "output_items",
    metadata,
    _sequence(),
    Column("id", Text, nullable=False, unique=True),
    _run_id(),
    Column("row_index", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("error_message", Text),
    Column("body", Text, nullable=False),
    # A row is saved once, whoever tries.
    UniqueConstraint("run_id", "row_index"),
    Index(None, "run_id", "seq"),
    Index(None, "run_id", "status", "seq"),
    sqlite_autoincrement=True,
)

# What a create answered, for when it is asked for again under the same key.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    _project_id(primary_key=True),
    Column("route", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body_hash", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # What is deleted is gone, also from here.
    Column("eval_id", Text, ForeignKey("evals.id", ondelete="CASCADE"), nullable=False),
    Column("run_id", Text, ForeignKey("runs.id", ondelete="CASCADE")),
    Index(None, "created_at"),
    Index(None, "eval_id"),
    Index(None, "run_id"),
)

# Who is told how runs end.
webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    _sequence(),
    Column("id", Text, nullable=False, unique=True),
    _project_id(),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("event_types", Text, nullable=False),
    # The name of its table in the config file; null for one that was made through the API.
    Column("config_name", Text, unique=True),
    # Signing needs the secret itself. Null for one of the config file, whose secret is not kept here.
    Column("secret", Text),
    Column("secret_hint", Text, nullable=False),
    # The secret before the last rotation, and until when it signs beside the new one.
    Column("old_secret", Text),
    Column("old_secret_until", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
    Index(None, "project_id", "created_at", "seq"),
    sqlite_autoincrement=True,
)

# One event for one endpoint: what is still to be sent, and for some days what was.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    _sequence(),
    # What is sent as `webhook-id`, the same at each attempt.
    Column("id", Text, nullable=False, unique=True),
    Column(
        "endpoint_id",
        Text,
        ForeignKey("webhook_endpoints.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("event_id", Text, nullable=False),
    Column("event_type", Text, nullable=False),
    # No foreign key: that a run was canceled is told after it is deleted, too.
    Column("run_id", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    # pending, delivered or failed
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    # Null when it is over.
    Column("next_attempt_at", Float),
    Column("last_attempt_at", Float),
    Column("status_code", Integer),
    Column("error", Text),
    Column("ended_at", Float),
    Index(None, "endpoint_id", "next_attempt_at", "seq"),
    Index(None, "endpoint_id", "seq"),
    Index(None, "ended_at"),
    sqlite_autoincrement=True,
)

files = Table(
    "files",
    metadata,
    _sequence(),
    _project_id(),
    Column("id", Text, nullable=False, unique=True),
    Column("filename", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    # uploading: its bytes still arrive; ready; deleted: kept only for runs that still read it.
    Column("state", Text, nullable=False),
    Index(None, "project_id", "created_at", "seq"),
    sqlite_autoincrement=True,
)

file_parts = Table(
    "file_parts",
    metadata,
    Column("file_id", Text, ForeignKey("files.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

# Chat completions that passed through with `store: true`, or were imported.
stored_completions = Table(
    "stored_completions",
    metadata,
    _sequence(),
    _project_id(),
    # Given by endpoints: two projects may have the same.
    Column("id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    # The messages that were sent, a JSON array: they are no part of the object that lists show.
    Column("messages", Text, nullable=False),
    UniqueConstraint("project_id", "id"),
    Index(None, "project_id", "created_at", "seq"),
    sqlite_autoincrement=True,
)

# What completions are found by, each in the order of a list: a page of a filtered list is one range of
# the primary key.
completion_tags = Table(
    "completion_tags",
    metadata,
    _project_id(primary_key=True),
    Column("kind", Text, primary_key=True),  # metadata or model
    Column("name", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("created_at", BigInteger, primary_key=True, autoincrement=False),
    Column(
        "completion_seq",
        Sequence,
        ForeignKey("stored_completions.seq", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Index(None, "completion_seq"),
)

# Responses that passed through without `store: false`, or were imported.
stored_responses = Table(
    "stored_responses",
    metadata,
    _sequence(),
    _project_id(),
    Column("id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # The response that it goes on from, stored here or not. A few that were stored before there was
    # this column have null, and their whole past in `input`.
    Column("previous_id", Text),
    # Characters of `body` and `input`.
    Column("size", BigInteger, nullable=False),
    # In folded letters, to be searched. Before what can be long: SQLite reads a row up to what it needs.
    Column("instructions", Text, nullable=False),
    Column("body", Text, nullable=False),
    # The input items that were sent with it, a JSON array.
    Column("input", Text, nullable=False),
    UniqueConstraint("project_id", "id"),
    Index(None, "id"),
    Index(None, "project_id", "created_at", "seq"),
    sqlite_autoincrement=True,
)

# What responses are found by, as completions are by theirs.
response_tags = Table(
    "response_tags",
    metadata,
    _project_id(primary_key=True),
    # metadata, model, user, tool, effort, temperature or top_p
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("created_at", BigInteger, primary_key=True, autoincrement=False),
    Column(
        "response_seq",
        Sequence,
        ForeignKey("stored_responses.seq", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Index(None, "response_seq"),
)

# Which responses were deleted: nobody goes on from them, and those that did say so.
deleted_responses = Table(
    "deleted_responses",
    metadata,
    Column("id", Text, primary_key=True),
    _project_id(primary_key=True),
)

# What one of those who share the database does at a time, and until when it is that one's.
leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    # Unix seconds by the clock of the database.
    Column("until", Float, nullable=False),
)

# How processes on one Postgres share the places of a provider: what each wants and has. One that was not
# seen for some seconds is gone. Times here and below are the database's.
provider_shares = Table(
    "provider_shares",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("process_id", Text, primary_key=True),
    # The provider's limit as this process knows it.
    Column("max_concurrency", Integer, nullable=False),
    Column("wanted", Integer, nullable=False),
    Column("granted", Integer, nullable=False),
    # When it last got a place that goes round.
    Column("turn_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
)

# When the next request to a provider may begin that has a number of requests per minute.
provider_starts = Table(
    "provider_starts",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("next_at", Float, nullable=False),
)

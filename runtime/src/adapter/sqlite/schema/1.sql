-- Schema version 1. Never edited once released: a later version is a file of its own.
--
-- All times are milliseconds since the Unix epoch. Foreign keys are not declared: every statement that removes a run
-- removes what belongs to it in the same transaction, and the hot path need not look parents up.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE plans (
    hash TEXT NOT NULL UNIQUE,
    plan TEXT NOT NULL
) STRICT;

-- `id` is this file's short name for a run: it keeps the log and its index small.
CREATE TABLE runs (
    id              INTEGER PRIMARY KEY,
    rid             BLOB NOT NULL UNIQUE CHECK (length(rid) = 16),
    version         INTEGER NOT NULL,
    workflow        TEXT NOT NULL,
    plan            TEXT NOT NULL,
    status          TEXT NOT NULL,
    priority        INTEGER NOT NULL, -- 0 critical, 1 high, 2 normal, 3 low
    idempotency_key TEXT,
    correlation_id  TEXT,
    progress        INTEGER NOT NULL,
    current_step    TEXT,
    error           TEXT,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    ended_at        INTEGER,
    -- For people; takes no space.
    run_id          TEXT AS (lower(format('%s-%s-%s-%s-%s', substr(hex(rid), 1, 8), substr(hex(rid), 9, 4),
                        substr(hex(rid), 13, 4), substr(hex(rid), 17, 4), substr(hex(rid), 21)))) VIRTUAL
) STRICT;

CREATE UNIQUE INDEX runs_by_key ON runs (workflow, idempotency_key) WHERE idempotency_key IS NOT NULL;
-- Listings, newest first; each ends in (created_at, rid), the position of a run in every listing.
CREATE INDEX runs_by_creation ON runs (created_at, rid);
CREATE INDEX runs_by_status ON runs (status, created_at, rid);
CREATE INDEX runs_by_workflow ON runs (workflow, created_at, rid);
CREATE INDEX runs_by_correlation ON runs (correlation_id, created_at, rid) WHERE correlation_id IS NOT NULL;
CREATE INDEX runs_by_end ON runs (ended_at, rid) WHERE ended_at IS NOT NULL;

-- Append-only. `pos` is the order of commits, so it can serve as a relay's cursor.
CREATE TABLE run_log (
    pos     INTEGER PRIMARY KEY AUTOINCREMENT,
    run     INTEGER NOT NULL,
    version INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    crc     INTEGER NOT NULL, -- CRC-32C of rid, version, at and events
    events  TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX run_log_by_run ON run_log (run, version);

CREATE TABLE snapshots (
    run     INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    crc     INTEGER NOT NULL, -- CRC-32C of rid, version and state
    state   TEXT NOT NULL
) STRICT;

CREATE TABLE timers (
    rid        BLOB NOT NULL,
    name       TEXT NOT NULL,
    generation INTEGER NOT NULL,
    due        INTEGER NOT NULL,
    PRIMARY KEY (rid, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX timers_by_due ON timers (due, rid, name);

-- `claimed`, `fence` and `losses` are 0 or 1 for most of a message's life and SQLite stores those two without a byte,
-- so a first claim leaves the row's size as it is and SQLite rewrites only the changed bytes, not a large body.
CREATE TABLE messages (
    id           INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice: it is the message's identity
    queue        TEXT NOT NULL,
    priority     INTEGER NOT NULL,
    visible_at   INTEGER NOT NULL,
    claimed      INTEGER NOT NULL,
    fence        INTEGER NOT NULL,
    losses       INTEGER NOT NULL,
    published_at INTEGER NOT NULL,
    -- Only step items have these.
    rid          BLOB,
    scope        INTEGER,
    node         INTEGER,
    attempt      INTEGER,
    timeout      INTEGER,
    deadline     INTEGER,
    headers      BLOB NOT NULL,
    body         BLOB NOT NULL
) STRICT;

-- The order of claiming. Messages not yet visible and leased ones lie behind the visible ones of their priority and are
-- never looked at. `claimed` makes counting possible from the index alone.
CREATE INDEX messages_by_turn ON messages (queue, priority, visible_at, id, claimed);
CREATE UNIQUE INDEX messages_by_step ON messages (rid, scope, node, attempt) WHERE rid IS NOT NULL;
CREATE INDEX messages_by_deadline ON messages (deadline) WHERE deadline IS NOT NULL;

-- The version is the row id: raised by each write, never given twice.
CREATE TABLE kv (
    version    INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace  TEXT NOT NULL,
    key        TEXT NOT NULL,
    value      TEXT NOT NULL, -- JSON
    expires_at INTEGER,
    UNIQUE (namespace, key)
) STRICT;

CREATE INDEX kv_by_expiry ON kv (expires_at) WHERE expires_at IS NOT NULL;

-- What happened to each run, one row an event, oldest first within a run.
CREATE VIEW run_events AS
SELECT runs.run_id, runs.rid, runs.workflow, runs.status AS run_status,
    run_log.version, event.key AS number, run_log.at,
    event.value ->> '$.type' AS type,
    event.value ->> '$.step' AS step,
    event.value ->> '$.scope' AS scope,
    event.value ->> '$.node' AS node,
    event.value ->> '$.attempt' AS attempt,
    event.value AS event
FROM runs
JOIN run_log ON run_log.run = runs.id
JOIN json_each(run_log.events) AS event;

-- Each attempt of each step: when it was put into its queue and what came of it; `canceled` when the run ended first.
CREATE VIEW step_attempts AS
SELECT run_id, rid, workflow, step, scope, node, attempt,
    coalesce(
        max(CASE type WHEN 'step_completed' THEN 'completed' WHEN 'attempt_failed' THEN 'failed' END),
        CASE WHEN run_status IN ('completed', 'failed', 'canceled') THEN 'canceled' ELSE 'dispatched' END
    ) AS status,
    min(CASE type WHEN 'step_dispatched' THEN at END) AS dispatched_at,
    min(CASE type WHEN 'step_dispatched' THEN NULL ELSE at END) AS ended_at,
    max(CASE type WHEN 'attempt_failed' THEN event ->> '$.error.code' END) AS error_code,
    max(CASE type WHEN 'attempt_failed' THEN event ->> '$.error.message' END) AS error_message
FROM run_events
WHERE type IN ('step_dispatched', 'step_completed', 'attempt_failed') AND attempt > 0
GROUP BY run_id, rid, workflow, run_status, step, scope, node, attempt;

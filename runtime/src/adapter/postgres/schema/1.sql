-- Schema version 1. Never edited once released: a later version is a file of its own. `ossa.` stands for the schema of
-- the store.
--
-- All times are milliseconds since the Unix epoch. Foreign keys are not declared: every statement that removes a run
-- removes what belongs to it in the same transaction, and the hot path need not look parents up.
-- Names are compared byte by byte, whatever the language of the database.

CREATE TABLE ossa.plans (
    hash text COLLATE "C" PRIMARY KEY,
    plan text NOT NULL
);

-- Room is left in each page: a transition that changes no indexed column then rewrites its row in place, without a new
-- entry in any index. So what every transition changes (`version`, `updated_at`…) is in none.
CREATE TABLE ossa.runs (
    run_id          uuid PRIMARY KEY,
    version         bigint NOT NULL,
    workflow        text COLLATE "C" NOT NULL,
    plan            text COLLATE "C" NOT NULL,
    status          text COLLATE "C" NOT NULL,
    priority        smallint NOT NULL, -- 0 critical, 1 high, 2 normal, 3 low
    idempotency_key text COLLATE "C",
    correlation_id  text COLLATE "C",
    labels          text, -- JSON object; NULL when there are none
    progress        smallint NOT NULL,
    current_step    text,
    error           text,
    created_at      bigint NOT NULL,
    updated_at      bigint NOT NULL,
    ended_at        bigint,
    settled_at      bigint -- `updated_at` of a run that has ended
) WITH (fillfactor = 70);

CREATE UNIQUE INDEX runs_by_key ON ossa.runs (workflow, idempotency_key) WHERE idempotency_key IS NOT NULL;
-- Listings, newest first; each ends in (created_at, run_id), the position of a run in every listing.
CREATE INDEX runs_by_creation ON ossa.runs (created_at, run_id);
CREATE INDEX runs_by_status ON ossa.runs (status, created_at, run_id);
CREATE INDEX runs_by_workflow ON ossa.runs (workflow, created_at, run_id);
CREATE INDEX runs_by_correlation ON ossa.runs (correlation_id, created_at, run_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX runs_by_change ON ossa.runs (settled_at, created_at, status) WHERE settled_at IS NOT NULL;
CREATE INDEX runs_by_outcome ON ossa.runs (status, ended_at, run_id) WHERE ended_at IS NOT NULL;

-- One row a label, in the order of listings within each.
CREATE TABLE ossa.run_labels (
    label  text COLLATE "C" NOT NULL,
    value  text COLLATE "C" NOT NULL,
    at     bigint NOT NULL, -- when the run was created
    run_id uuid NOT NULL,
    PRIMARY KEY (label, value, at, run_id)
);

CREATE INDEX run_labels_by_run ON ossa.run_labels (run_id);

-- Append-only.
CREATE TABLE ossa.run_log (
    run_id  uuid NOT NULL,
    version bigint NOT NULL,
    at      bigint NOT NULL,
    crc     bigint NOT NULL, -- CRC-32C of run_id, version, at and events
    events  text NOT NULL,
    PRIMARY KEY (run_id, version)
);

CREATE TABLE ossa.snapshots (
    run_id  uuid PRIMARY KEY,
    version bigint NOT NULL,
    crc     bigint NOT NULL, -- CRC-32C of run_id, version and state
    state   text NOT NULL
);

CREATE TABLE ossa.timers (
    run_id     uuid NOT NULL,
    name       text COLLATE "C" NOT NULL,
    generation bigint NOT NULL,
    due        bigint NOT NULL,
    PRIMARY KEY (run_id, name)
);

CREATE INDEX timers_by_due ON ossa.timers (due, run_id, name);

-- Rows come and go all the time: dead ones are cleared away early, so that the front of the queue stays short.
CREATE TABLE ossa.messages (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- never given twice: it is the message's identity
    queue        text COLLATE "C" NOT NULL,
    priority     smallint NOT NULL,
    visible_at   bigint NOT NULL,
    claimed      boolean NOT NULL,
    fence        bigint NOT NULL,
    losses       bigint NOT NULL,
    published_at bigint NOT NULL,
    -- Only step items have these.
    run_id       uuid,
    scope        bigint,
    node         bigint,
    attempt      bigint,
    timeout      bigint,
    deadline     bigint,
    headers      bytea NOT NULL,
    body         bytea NOT NULL
) WITH (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.1,
    autovacuum_vacuum_cost_delay = 0
);

-- The order of claiming. Messages not yet visible and leased ones lie behind the visible ones of their priority and are
-- never looked at. `claimed` makes counting possible from the index alone.
CREATE INDEX messages_by_turn ON ossa.messages (queue, priority, visible_at, id) INCLUDE (claimed);
CREATE UNIQUE INDEX messages_by_step ON ossa.messages (run_id, scope, node, attempt) WHERE run_id IS NOT NULL;
CREATE INDEX messages_by_deadline ON ossa.messages (deadline, id) WHERE deadline IS NOT NULL;

-- Raised by each write of a key.
CREATE SEQUENCE ossa.kv_version;

CREATE TABLE ossa.kv (
    namespace  text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    version    bigint NOT NULL,
    value      text NOT NULL, -- JSON
    expires_at bigint,
    PRIMARY KEY (namespace, key)
);

CREATE INDEX kv_by_expiry ON ossa.kv (expires_at) WHERE expires_at IS NOT NULL;

-- What happened to each run, one row an event, oldest first within a run.
CREATE VIEW ossa.run_events AS
SELECT runs.run_id, runs.workflow, runs.status AS run_status,
    run_log.version, event.number - 1 AS number, run_log.at,
    event.value ->> 'type' AS type,
    event.value ->> 'step' AS step,
    (event.value ->> 'scope')::bigint AS scope,
    (event.value ->> 'node')::bigint AS node,
    (event.value ->> 'attempt')::bigint AS attempt,
    event.value AS event
FROM ossa.runs
JOIN ossa.run_log ON run_log.run_id = runs.run_id
CROSS JOIN LATERAL json_array_elements(run_log.events::json) WITH ORDINALITY AS event (value, number);

-- Each attempt of each step: when it was put into its queue and what came of it; `canceled` when the run ended first.
CREATE VIEW ossa.step_attempts AS
SELECT run_id, workflow, step, scope, node, attempt,
    coalesce(
        max(CASE type WHEN 'step_completed' THEN 'completed' WHEN 'attempt_failed' THEN 'failed' END),
        CASE WHEN run_status IN ('completed', 'failed', 'canceled') THEN 'canceled' ELSE 'dispatched' END
    ) AS status,
    min(CASE type WHEN 'step_dispatched' THEN at END) AS dispatched_at,
    min(CASE type WHEN 'step_dispatched' THEN NULL ELSE at END) AS ended_at,
    max(CASE type WHEN 'attempt_failed' THEN event #>> '{error,code}' END) AS error_code,
    max(CASE type WHEN 'attempt_failed' THEN event #>> '{error,message}' END) AS error_message
FROM ossa.run_events
WHERE type IN ('step_dispatched', 'step_completed', 'attempt_failed') AND attempt > 0
GROUP BY run_id, workflow, run_status, step, scope, node, attempt;

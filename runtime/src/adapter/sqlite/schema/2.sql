-- Schema version 2: labels, and finding runs by them, by when they changed and by how they ended.

ALTER TABLE runs ADD COLUMN labels TEXT; -- JSON object; NULL when there are none

-- One row a label, in the order of listings within each.
CREATE TABLE run_labels (
    label TEXT NOT NULL,
    value TEXT NOT NULL,
    at    INTEGER NOT NULL, -- when the run was created
    run   BLOB NOT NULL,    -- its rid
    PRIMARY KEY (label, value, at, run)
) STRICT, WITHOUT ROWID;

-- Runs that have ended. Those that go on are not in these, so no transition but the last one pays for them.
CREATE INDEX runs_by_change ON runs (updated_at, created_at, status) WHERE ended_at IS NOT NULL;
CREATE INDEX runs_by_outcome ON runs (status, ended_at, rid) WHERE ended_at IS NOT NULL;
DROP INDEX runs_by_end;

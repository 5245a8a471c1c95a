-- Schema version 4: what was published on channels, in the order of the commits.

CREATE TABLE stream (
    position INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice, also when the last record is gone
    channel TEXT NOT NULL,
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    at INTEGER NOT NULL,
    expires_at INTEGER,
    body BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX stream_by_id ON stream (channel, id);
CREATE INDEX stream_by_channel ON stream (channel); -- and by position within it
CREATE INDEX stream_by_time ON stream (at);

-- Schema version 2: what was published on channels.

CREATE TABLE ossa.stream (
    position   bigint PRIMARY KEY,
    channel    text COLLATE "C" NOT NULL,
    id         text COLLATE "C" NOT NULL,
    source     text COLLATE "C" NOT NULL,
    at         bigint NOT NULL,
    expires_at bigint,
    body       bytea NOT NULL
);

CREATE UNIQUE INDEX stream_by_id ON ossa.stream (channel, id);
CREATE INDEX stream_by_channel ON ossa.stream (channel, position);
CREATE INDEX stream_by_time ON ossa.stream (at);

-- The position given last. Whoever publishes locks the one row until its transaction ends, so positions become visible
-- in their order.
CREATE TABLE ossa.stream_end (
    position bigint NOT NULL
);

INSERT INTO ossa.stream_end (position) VALUES (0);

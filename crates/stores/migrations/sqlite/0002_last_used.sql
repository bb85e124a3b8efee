-- The last use of each key, one row a key. Written in batches beside the requests and in no order with them, so it refers to
-- nothing. `kind` says which kind of credential the record is.

CREATE TABLE last_used (
    kind      TEXT NOT NULL,
    record    BLOB NOT NULL,
    at        INTEGER NOT NULL,
    source    TEXT,
    dialect   TEXT NOT NULL,
    operation TEXT NOT NULL,
    PRIMARY KEY (kind, record)
) STRICT, WITHOUT ROWID;

-- Clouds that name a user by his number look him up by it.
CREATE UNIQUE INDEX users_serial ON users (serial);

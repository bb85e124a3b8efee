-- The first schema. Times are milliseconds since 1970, ids are 16-byte UUIDs of version 7: they grow with time, so a table
-- that is ordered by them is appended to. What must be unique is so by an index here, whatever the requirements of a write say.

CREATE TABLE key_ring (
    id         INTEGER PRIMARY KEY,
    purpose    INTEGER NOT NULL,
    master     BLOB NOT NULL,
    wrapped    BLOB NOT NULL,
    seals      INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Every number that was ever given to an account or user. A root user shares his account's and has no row.
CREATE TABLE serials (
    serial INTEGER PRIMARY KEY,
    kind   TEXT NOT NULL
) STRICT;

CREATE TABLE accounts (
    uuid                BLOB PRIMARY KEY NOT NULL,
    serial              INTEGER NOT NULL REFERENCES serials (serial),
    name                TEXT NOT NULL,
    name_key            TEXT NOT NULL,
    status              TEXT NOT NULL,
    max_key_lifetime_ms INTEGER,
    version             INTEGER NOT NULL,
    created_at          INTEGER NOT NULL,
    modified_at         INTEGER NOT NULL,
    deleted_at          INTEGER,
    mark                BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX accounts_name ON accounts (name_key) WHERE deleted_at IS NULL;

CREATE TABLE users (
    uuid         BLOB PRIMARY KEY NOT NULL,
    serial       INTEGER NOT NULL REFERENCES serials (serial),
    account      BLOB NOT NULL REFERENCES accounts (uuid),
    name         TEXT NOT NULL,
    name_key     TEXT NOT NULL,
    is_root      INTEGER NOT NULL,
    role         TEXT NOT NULL,
    status       TEXT NOT NULL,
    display_name TEXT NOT NULL,
    email        TEXT NOT NULL,
    attributes   TEXT NOT NULL,
    version      INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    modified_at  INTEGER NOT NULL,
    deleted_at   INTEGER,
    mark         BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX users_name ON users (account, name_key) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX users_root ON users (account) WHERE is_root = 1;
-- The last column is always NULL; with it the index alone answers how many users there are, without it SQLite looks up each.
CREATE INDEX users_created ON users (account, created_at, uuid, deleted_at) WHERE deleted_at IS NULL;

CREATE TABLE access_keys (
    uuid        BLOB PRIMARY KEY NOT NULL,
    key_id      TEXT NOT NULL UNIQUE,
    account     BLOB NOT NULL REFERENCES accounts (uuid),
    user        BLOB NOT NULL REFERENCES users (uuid),
    parent      BLOB REFERENCES access_keys (uuid),
    dialect     TEXT NOT NULL,
    schemes     INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    status      TEXT NOT NULL,
    sealed      BLOB,
    sources     TEXT NOT NULL,
    not_before  INTEGER,
    expires_at  INTEGER,
    description TEXT NOT NULL,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    created_by  BLOB NOT NULL,
    modified_at INTEGER NOT NULL,
    modified_by BLOB NOT NULL,
    deleted_at  INTEGER,
    deleted_by  BLOB,
    mark        BLOB NOT NULL
) STRICT, WITHOUT ROWID;
-- A key is in exactly one of these two: a write pays for one, and however many keys a user has deleted, reading the live
-- ones stays quick.
CREATE INDEX access_keys_live ON access_keys (user, created_at, uuid) WHERE deleted_at IS NULL;
CREATE INDEX access_keys_dead ON access_keys (user, created_at, uuid) WHERE deleted_at IS NOT NULL;

CREATE TABLE audit (
    node           BLOB NOT NULL,
    seq            INTEGER NOT NULL,
    at             INTEGER NOT NULL,
    account        BLOB NOT NULL,
    actor          BLOB,
    actor_key      TEXT,
    request        BLOB,
    source         TEXT,
    dialect        TEXT NOT NULL,
    action         TEXT NOT NULL,
    object         BLOB NOT NULL,
    object_version INTEGER NOT NULL,
    detail         TEXT NOT NULL,
    mark           BLOB NOT NULL,
    PRIMARY KEY (node, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE refusals (
    minute  INTEGER NOT NULL,
    source  TEXT NOT NULL,
    key_id  TEXT NOT NULL,
    reason  TEXT NOT NULL,
    dialect TEXT NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (minute, source, key_id, reason, dialect)
) STRICT, WITHOUT ROWID;

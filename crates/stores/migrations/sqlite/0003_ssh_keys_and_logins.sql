-- SSH keys, passwords and tokens. A key is unique among the live ones of its account, and in exactly one of two lists of its
-- user, as access keys are.

CREATE TABLE ssh_keys (
    uuid        BLOB PRIMARY KEY NOT NULL,
    serial      INTEGER NOT NULL UNIQUE REFERENCES serials (serial),
    account     BLOB NOT NULL REFERENCES accounts (uuid),
    user        BLOB NOT NULL REFERENCES users (uuid),
    type        TEXT NOT NULL,
    blob        BLOB NOT NULL,
    sha256      BLOB NOT NULL,
    body        TEXT NOT NULL,
    title       TEXT NOT NULL,
    status      TEXT NOT NULL,
    expires_at  INTEGER,
    version     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    created_by  BLOB NOT NULL,
    modified_at INTEGER NOT NULL,
    modified_by BLOB NOT NULL,
    deleted_at  INTEGER,
    deleted_by  BLOB,
    mark        BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX ssh_keys_blob ON ssh_keys (account, sha256) WHERE deleted_at IS NULL;
CREATE INDEX ssh_keys_live ON ssh_keys (user, created_at, serial) WHERE deleted_at IS NULL;
CREATE INDEX ssh_keys_account ON ssh_keys (account, uuid) WHERE deleted_at IS NULL;

CREATE TABLE passwords (
    user       BLOB PRIMARY KEY NOT NULL REFERENCES users (uuid),
    salt       BLOB NOT NULL,
    hash       BLOB NOT NULL,
    memory_kib INTEGER NOT NULL,
    passes     INTEGER NOT NULL,
    lanes      INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    mark       BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    hash         BLOB PRIMARY KEY NOT NULL,
    kind         TEXT NOT NULL,
    account      BLOB NOT NULL REFERENCES accounts (uuid),
    user         BLOB NOT NULL REFERENCES users (uuid),
    user_version INTEGER NOT NULL,
    name         TEXT NOT NULL,
    issued_at    INTEGER NOT NULL,
    expires_at   INTEGER,
    mark         BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_user ON tokens (user, kind, issued_at, hash);
CREATE UNIQUE INDEX tokens_gate ON tokens (account, name) WHERE kind = 'gate';

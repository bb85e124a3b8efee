-- Temporary keys of session tokens. A row goes with its token's, whatever makes that one go, and leaves no tombstone.

CREATE TABLE token_keys (
    uuid           BLOB PRIMARY KEY NOT NULL,
    key_id         TEXT NOT NULL UNIQUE,
    token          BLOB NOT NULL REFERENCES tokens (hash) ON DELETE CASCADE,
    account        BLOB NOT NULL REFERENCES accounts (uuid),
    user           BLOB NOT NULL REFERENCES users (uuid),
    dialect        TEXT NOT NULL,
    schemes        INTEGER NOT NULL,
    sealed         BLOB NOT NULL,
    security_token BLOB NOT NULL,
    issued_at      INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    mark           BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX token_keys_token ON token_keys (token);
CREATE INDEX token_keys_user ON token_keys (user, expires_at);

-- What a key is limited to beyond its dialect's idea of a key, and what takes its place.
ALTER TABLE access_keys ADD COLUMN audience TEXT NOT NULL DEFAULT '';
ALTER TABLE access_keys ADD COLUMN signed_time TEXT NOT NULL DEFAULT 'scheme';
ALTER TABLE access_keys ADD COLUMN successor TEXT;

-- Requests that may be sent again. Both hashes are keyed: neither tells what was hashed.
CREATE TABLE remembered_requests (
    key     BLOB PRIMARY KEY NOT NULL,
    request BLOB NOT NULL,
    object  BLOB NOT NULL,
    at      INTEGER NOT NULL,
    mark    BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX remembered_requests_at ON remembered_requests (at);

-- The audit of one account, and of one object, in the order of the chains.
CREATE INDEX audit_account ON audit (account, node, seq);
CREATE INDEX audit_object ON audit (object, node, seq);

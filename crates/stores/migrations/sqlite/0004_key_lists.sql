-- Lists of a whole account walk its keys in the order of creation. As with the indexes by user, a key is in exactly one of
-- the two, so a write pays for one and a walk over live keys does not wade through deleted ones.

CREATE INDEX access_keys_account_live ON access_keys (account, created_at, uuid) WHERE deleted_at IS NULL;
CREATE INDEX access_keys_account_dead ON access_keys (account, created_at, uuid) WHERE deleted_at IS NOT NULL;

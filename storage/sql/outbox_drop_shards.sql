-- Shards that are no more, since there are fewer dispatchers than there were.
-- $1 integer: how many there are
DELETE FROM dispatchers WHERE shard >= $1

-- The epoch that stands. $1 shard
SELECT epoch FROM supervisors WHERE shard = $1

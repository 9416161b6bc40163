-- The statements of commit_batch are planned once a connection, not once a commit, and by indexes alone: a hash join reads all 1,024
-- partitions however few a commit touches. A commit of 26 rows costs 5 to 9 µs a row less (docs/decisions/0009). Whoever replaces
-- the function has to say this again.
ALTER FUNCTION commit_batch SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION commit_batch SET enable_hashjoin = off;
ALTER FUNCTION commit_batch SET enable_seqscan = off;

-- Api clients that were deleted, across accounts, with their time in µs.
-- $1 bigint: since when, or null for all that are kept
SELECT client_id::text, (extract(epoch FROM revoked_at) * 1000000)::bigint FROM api_client_revocations
WHERE revoked_at > coalesce(to_timestamp($1::bigint / 1000000.0), now() - interval '2 hours')
ORDER BY revoked_at

-- Bytes that may have lost their last record, for one who sweeps.
SELECT account_id::text, digest FROM attachment_garbage ORDER BY noted_at LIMIT 1 FOR UPDATE SKIP LOCKED

-- Conversations by status, as they are now.
SELECT status, count(*) FROM conversations GROUP BY status

-- Delete a channel unless it has conversations. Returns whether there is such a channel, and whether it was deleted.
-- $1 uuid
WITH gone AS (
  DELETE FROM channels h WHERE h.id = $1
    AND NOT EXISTS (SELECT FROM conversations c WHERE c.account_id = h.account_id AND c.channel_id = h.id)
  RETURNING h.id)
SELECT EXISTS (SELECT FROM channels WHERE id = $1), EXISTS (SELECT FROM gone)

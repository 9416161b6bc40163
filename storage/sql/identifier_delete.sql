-- Delete an identifier. Others that belonged to its thread have their own from now on.
-- $1 uuid
WITH gone AS (DELETE FROM contact_identifiers WHERE id = $1 RETURNING account_id, channel_type, identifier),
apart AS (UPDATE contact_identifiers i SET thread_identifier = NULL FROM gone g
  WHERE i.account_id = g.account_id AND i.channel_type = g.channel_type AND i.thread_identifier = g.identifier
    AND i.id <> $1)
SELECT true FROM gone

-- A new identifier of a contact of this account that was not merged; nothing where there is none.
-- $1 uuid, $2 uuid account, $3 uuid contact, $4 text channel type, $5 text identifier, $6 text display name,
-- $7 text metadata as JSON. The clock and not the transaction's time: several of one transaction keep their order.
INSERT INTO contact_identifiers AS i (id, account_id, contact_id, channel_type, identifier, display_name, metadata, created_at)
SELECT $1, $2, k.id, $4, $5, $6, $7::text::jsonb, clock_timestamp() FROM contacts k WHERE k.id = $3 AND k.merged_into IS NULL
RETURNING {{columns}}

-- Customers as providers name them (delivery/senders.py).


-- name: senders_resolve
-- The threads of senders, in order. New senders, names and metadata are stored. See resolve_senders in schema.sql.
-- $1 text JSON array of sender_wanted
SELECT resolve_senders($1::text::jsonb)


-- name: sender_named
-- Give an identifier's contact a name, if it has none: what the contact is called now, and its conversations without a name.
-- $1 uuid account, $2 text channel type, $3 text identifier, $4 text name, $5 integer: most of the conversations, newest first
WITH known AS (
  SELECT k.id, k.name FROM contact_identifiers i JOIN contacts k ON k.id = i.contact_id
  WHERE i.account_id = $1 AND i.channel_type = $2 AND i.identifier = $3),
filled AS (
  UPDATE contacts k SET name = $4, updated_at = now() FROM known
  WHERE k.id = known.id AND coalesce(k.name, '') = '' RETURNING k.name)
SELECT coalesce((SELECT f.name FROM filled f), known.name) AS name,
  ARRAY(SELECT c.id::text FROM conversations c WHERE c.account_id = $1 AND c.contact_id = known.id
        AND coalesce(c.contact_name, '') = '' AND c.contact_identifier <> '' ORDER BY c.id DESC LIMIT $5) AS nameless
FROM known

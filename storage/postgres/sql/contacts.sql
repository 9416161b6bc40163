-- Queries of contacts: each starts with a line `-- name:` and is described by the comment below it.


-- name: contact_columns
-- Contact columns, in the order that rows.py reads.
k.id::text, k.account_id::text, k.name, k.attributes::text, k.merged_into::text,
(extract(epoch FROM k.created_at) * 1000)::bigint, (extract(epoch FROM k.updated_at) * 1000)::bigint,
(SELECT coalesce(json_agg(json_build_array(
   i.id, i.account_id, i.contact_id, i.channel_type, i.identifier, i.display_name, i.metadata,
   (extract(epoch FROM i.created_at) * 1000)::bigint, (extract(epoch FROM i.updated_at) * 1000)::bigint
 ) ORDER BY i.created_at, i.id), '[]')::text FROM contact_identifiers i WHERE i.contact_id = k.id)


-- name: identifier_columns
-- Identifier columns, in the order that rows.py reads.
i.id::text, i.account_id::text, i.contact_id::text, i.channel_type, i.identifier, i.display_name, i.metadata::text,
(extract(epoch FROM i.created_at) * 1000)::bigint, (extract(epoch FROM i.updated_at) * 1000)::bigint


-- name: contact_conversations
-- Ids of contacts' conversations, oldest first, but for those erased already.
-- $1 uuid account, $2 uuid[] contacts, $3 text channel type and $4 text identifier, or null
SELECT id::text FROM conversations
WHERE account_id = $1 AND contact_id = ANY ($2::uuid[]) AND contact_identifier <> ''
  AND ($3::text IS NULL OR (channel_type = $3 AND contact_identifier = $4))
ORDER BY id


-- name: contact_create
-- A new contact.
-- $1 uuid, $2 uuid account, $3 text name, $4 text attributes as JSON
INSERT INTO contacts (id, account_id, name, attributes) VALUES ($1, $2, $3, $4::text::jsonb)


-- name: contact_delete
-- Delete a contact, its identifiers, and what was merged into it, unless one of them has conversations.
-- Returns whether there is such a contact, and whether it was deleted.
-- $1 uuid
WITH gone AS (
  DELETE FROM contacts k WHERE (k.id = $1 OR k.merged_into = $1)
    AND NOT EXISTS (SELECT FROM conversations c WHERE c.account_id = k.account_id
                    AND c.contact_id IN (SELECT m.id FROM contacts m WHERE m.id = $1 OR m.merged_into = $1))
  RETURNING k.id)
SELECT EXISTS (SELECT FROM contacts WHERE id = $1), EXISTS (SELECT FROM gone)


-- name: contact_get
-- A contact with its identifiers.
-- $1 uuid
SELECT {{columns}} FROM contacts k WHERE k.id = $1


-- name: contact_merge
-- Point a contact, and what was merged into it before, to another, and move the identifiers.
-- $1 uuid from, $2 uuid into
WITH moved AS (
  UPDATE contact_identifiers SET contact_id = $2, updated_at = now() WHERE contact_id = $1 RETURNING id)
UPDATE contacts SET merged_into = $2, updated_at = now()
WHERE id = $1 OR merged_into = $1 RETURNING (SELECT count(*) FROM moved)


-- name: contact_update
-- Change a contact that was not merged; true where there was one.
-- $1 uuid, $2 boolean whether to set the name, $3 text name, $4 text attributes as JSON or null
UPDATE contacts SET name = CASE WHEN $2 THEN $3 ELSE name END, attributes = coalesce($4::text::jsonb, attributes),
  updated_at = now()
WHERE id = $1 AND merged_into IS NULL RETURNING true


-- name: contacts_found
-- Contacts that match, newest first; each with its place. See `contacts_matching` in migration 0004.
-- $1 text: an ILIKE pattern, $2 bigint and $3 uuid: time (µs) and id of the last one seen, or null, $4 how many
SELECT (extract(epoch FROM k.created_at) * 1000000)::bigint, {{columns}} FROM contacts k
WHERE k.id IN (SELECT contacts_matching($1, to_timestamp($2::bigint / 1000000.0), $3::uuid, $4))
ORDER BY k.created_at DESC, k.id DESC


-- name: contacts_lock
-- Lock contacts in the order of their ids; with what they were merged into.
-- $1 uuid[]
SELECT id::text, merged_into::text, name FROM contacts WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE


-- name: contacts_page
-- Contacts, newest first, without those merged into others; each with its place.
-- $1 bigint and $2 uuid: time (µs) and id of the last one seen, or null, $3 how many
SELECT (extract(epoch FROM k.created_at) * 1000000)::bigint, {{columns}} FROM contacts k
WHERE k.merged_into IS NULL AND ($1::bigint IS NULL OR (k.created_at, k.id) < (to_timestamp($1 / 1000000.0), $2::uuid))
ORDER BY k.created_at DESC, k.id DESC LIMIT $3


-- name: identifier_create
-- A new identifier of a contact of this account that was not merged; nothing where there is none.
-- $1 uuid, $2 uuid account, $3 uuid contact, $4 text channel type, $5 text identifier, $6 text display name,
-- $7 text metadata as JSON. The clock and not the transaction's time: several of one transaction keep their order.
INSERT INTO contact_identifiers AS i (id, account_id, contact_id, channel_type, identifier, display_name, metadata, created_at)
SELECT $1, $2, k.id, $4, $5, $6, $7::text::jsonb, clock_timestamp() FROM contacts k WHERE k.id = $3 AND k.merged_into IS NULL
RETURNING {{columns}}


-- name: identifier_delete
-- Delete an identifier. Others that belonged to its thread have their own from now on.
-- $1 uuid
WITH gone AS (DELETE FROM contact_identifiers WHERE id = $1 RETURNING account_id, channel_type, identifier),
apart AS (UPDATE contact_identifiers i SET thread_identifier = NULL FROM gone g
  WHERE i.account_id = g.account_id AND i.channel_type = g.channel_type AND i.thread_identifier = g.identifier
    AND i.id <> $1)
SELECT true FROM gone


-- name: identifier_get
-- An identifier.
-- $1 uuid
SELECT {{columns}} FROM contact_identifiers i WHERE i.id = $1


-- name: identifier_holder
-- Who holds an identifier.
-- $1 uuid account, $2 text channel type, $3 text identifier
SELECT {{columns}} FROM contact_identifiers i WHERE i.account_id = $1 AND i.channel_type = $2 AND i.identifier = $3


-- name: identifier_update
-- Change an identifier.
-- $1 uuid, $2 uuid contact or null, $3 boolean whether to set the name, $4 text display name, $5 text metadata or null
UPDATE contact_identifiers i SET contact_id = coalesce($2::uuid, contact_id),
  display_name = CASE WHEN $3 THEN $4 ELSE display_name END, metadata = coalesce($5::text::jsonb, metadata),
  updated_at = now()
WHERE i.id = $1 RETURNING {{columns}}


-- name: identifiers_page
-- Identifiers, oldest first; each with its place.
-- $1 uuid contact or null, $2 bigint and $3 uuid: time (µs) and id of the last one seen, or null, $4 how many
SELECT (extract(epoch FROM i.created_at) * 1000000)::bigint, {{columns}} FROM contact_identifiers i
WHERE ($1::uuid IS NULL OR i.contact_id = $1)
  AND ($2::bigint IS NULL OR (i.created_at, i.id) > (to_timestamp($2 / 1000000.0), $3::uuid))
ORDER BY i.created_at, i.id LIMIT $4

-- Contacts and contact identifiers (accounts/contacts.py).


-- name: contact_columns
-- Columns of a Contact, with its identifiers as a JSON array.
k.id::text, k.account_id::text, k.name, k.attributes::text, k.merged_into::text,
(extract(epoch FROM k.created_at) * 1000)::bigint, (extract(epoch FROM k.updated_at) * 1000)::bigint,
(SELECT coalesce(json_agg(json_build_array(
   i.id, i.account_id, i.contact_id, i.channel_type, i.identifier, i.display_name, i.metadata,
   (extract(epoch FROM i.created_at) * 1000)::bigint, (extract(epoch FROM i.updated_at) * 1000)::bigint
 ) ORDER BY i.created_at, i.id), '[]')::text FROM contact_identifiers i WHERE i.contact_id = k.id)


-- name: identifier_columns
-- Columns of a ContactIdentifier; contacts.py decodes the metadata.
i.id::text, i.account_id::text, i.contact_id::text, i.channel_type, i.identifier, i.display_name, i.metadata::text,
(extract(epoch FROM i.created_at) * 1000)::bigint, (extract(epoch FROM i.updated_at) * 1000)::bigint


-- name: contact_conversations
-- Conversations of contacts, oldest first, except erased ones.
-- $1 uuid account, $2 uuid[] contacts, $3 text channel type and $4 text identifier, or null
SELECT id::text FROM conversations
WHERE account_id = $1 AND contact_id = ANY ($2::uuid[]) AND contact_identifier <> ''
  AND ($3::text IS NULL OR (channel_type = $3 AND contact_identifier = $4))
ORDER BY id


-- name: contact_create
-- Create a contact.
-- $1 uuid, $2 uuid account, $3 text name, $4 text attributes as JSON
INSERT INTO contacts (id, account_id, name, attributes) VALUES ($1, $2, $3, $4::text::jsonb)


-- name: contact_delete
-- Delete a contact, its identifiers and the contacts merged into it, unless one of them has conversations. Returns
-- whether it existed, and whether it was deleted.
-- $1 uuid
WITH gone AS (
  DELETE FROM contacts k WHERE (k.id = $1 OR k.merged_into = $1)
    AND NOT EXISTS (SELECT FROM conversations c WHERE c.account_id = k.account_id
                    AND c.contact_id IN (SELECT m.id FROM contacts m WHERE m.id = $1 OR m.merged_into = $1))
  RETURNING k.id)
SELECT EXISTS (SELECT FROM contacts WHERE id = $1), EXISTS (SELECT FROM gone)


-- name: contact_get
-- One contact with its identifiers.
-- $1 uuid
SELECT {{columns}} FROM contacts k WHERE k.id = $1


-- name: contact_merge
-- Merge a contact, and the contacts merged into it before, into another one, and move its identifiers.
-- $1 uuid from, $2 uuid into
WITH moved AS (
  UPDATE contact_identifiers SET contact_id = $2, updated_at = now() WHERE contact_id = $1 RETURNING id)
UPDATE contacts SET merged_into = $2, updated_at = now()
WHERE id = $1 OR merged_into = $1 RETURNING (SELECT count(*) FROM moved)


-- name: contact_update
-- Change a contact that has not been merged. Returns true if there was one.
-- $1 uuid, $2 boolean whether to set the name, $3 text name, $4 text attributes as JSON or null
UPDATE contacts SET name = CASE WHEN $2 THEN $3 ELSE name END, attributes = coalesce($4::text::jsonb, attributes),
  updated_at = now()
WHERE id = $1 AND merged_into IS NULL RETURNING true


-- name: contacts_found
-- A page of contacts that a search finds, newest first, each row with its sort key in front. See contacts_matching in
-- schema.sql.
-- $1 text search_terms[] as JSON, $2 bigint and $3 uuid: time (µs) and id of the last row seen, or null, $4 limit
SELECT (extract(epoch FROM k.created_at) * 1000000)::bigint, {{columns}} FROM contacts k
WHERE k.id IN (SELECT contacts_matching(
  ARRAY(SELECT s FROM jsonb_populate_recordset(NULL::search_terms, $1::text::jsonb) AS s), to_timestamp($2::bigint / 1000000.0), $3::uuid, $4))
ORDER BY k.created_at DESC, k.id DESC


-- name: contacts_lock
-- Lock contacts in the order of their ids, and read what they were merged into.
-- $1 uuid[]
SELECT id::text, merged_into::text, name FROM contacts WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE


-- name: contacts_page
-- A page of contacts, newest first, without merged ones, each row with its sort key in front.
-- $1 bigint and $2 uuid: time (µs) and id of the last row seen, or null, $3 limit
SELECT (extract(epoch FROM k.created_at) * 1000000)::bigint, {{columns}} FROM contacts k
WHERE k.merged_into IS NULL AND ($1::bigint IS NULL OR (k.created_at, k.id) < (to_timestamp($1 / 1000000.0), $2::uuid))
ORDER BY k.created_at DESC, k.id DESC LIMIT $3


-- name: identifier_create
-- Create an identifier of a contact that has not been merged. Returns no row if there is no such contact. Uses the
-- clock, not the transaction's time, so that identifiers created in one transaction keep their order.
-- $1 uuid, $2 uuid account, $3 uuid contact, $4 text channel type, $5 text identifier, $6 text display name, $7 text
-- metadata as JSON
INSERT INTO contact_identifiers AS i (id, account_id, contact_id, channel_type, identifier, display_name, metadata, created_at)
SELECT $1, $2, k.id, $4, $5, $6, $7::text::jsonb, clock_timestamp() FROM contacts k WHERE k.id = $3 AND k.merged_into IS NULL
RETURNING {{columns}}


-- name: identifier_delete
-- Delete an identifier. Identifiers that shared its thread get threads of their own.
-- $1 uuid
WITH gone AS (DELETE FROM contact_identifiers WHERE id = $1 RETURNING account_id, channel_type, identifier),
apart AS (UPDATE contact_identifiers i SET thread_identifier = NULL FROM gone g
  WHERE i.account_id = g.account_id AND i.channel_type = g.channel_type AND i.thread_identifier = g.identifier
    AND i.id <> $1)
SELECT true FROM gone


-- name: identifier_get
-- One identifier.
-- $1 uuid
SELECT {{columns}} FROM contact_identifiers i WHERE i.id = $1


-- name: identifier_holder
-- An account's identifier by channel type and text, with the contact that holds it.
-- $1 uuid account, $2 text channel type, $3 text identifier
SELECT {{columns}} FROM contact_identifiers i WHERE i.account_id = $1 AND i.channel_type = $2 AND i.identifier = $3


-- name: identifier_update
-- Change an identifier. Null leaves a field as it is.
-- $1 uuid, $2 uuid contact, $3 boolean whether to set the display name, $4 text display name, $5 text metadata as JSON
UPDATE contact_identifiers i SET contact_id = coalesce($2::uuid, contact_id),
  display_name = CASE WHEN $3 THEN $4 ELSE display_name END, metadata = coalesce($5::text::jsonb, metadata),
  updated_at = now()
WHERE i.id = $1 RETURNING {{columns}}


-- name: identifiers_page
-- A page of identifiers, oldest first, each row with its sort key in front.
-- $1 uuid contact or null, $2 bigint and $3 uuid: time (µs) and id of the last row seen, or null, $4 limit
SELECT (extract(epoch FROM i.created_at) * 1000000)::bigint, {{columns}} FROM contact_identifiers i
WHERE ($1::uuid IS NULL OR i.contact_id = $1)
  AND ($2::bigint IS NULL OR (i.created_at, i.id) > (to_timestamp($2 / 1000000.0), $3::uuid))
ORDER BY i.created_at, i.id LIMIT $4

-- Erasing a contact (accounts/erasure.py).


-- name: entries_all
-- A conversation's entries after a seq, including the opening (entry 0).
-- $1 uuid conversation, $2 integer after, $3 limit
SELECT {{columns}} FROM entries e WHERE e.conversation_id = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3


-- name: erase_attachments
-- Delete the attachments of conversations: linked to them, named in their messages, or uploaded by their customers.
-- $1 uuid account, $2 uuid[] conversations, $3 uuid[] attachments named in messages
DELETE FROM attachments a WHERE a.account_id = $1 AND (
  a.conversation_id = ANY ($2::uuid[])
  OR (a.conversation_id IS NULL AND a.id = ANY ($3::uuid[]))
  OR (a.uploader_type = 'contact' AND EXISTS (
    SELECT FROM conversations c
    WHERE c.id = ANY ($2::uuid[]) AND c.channel_id = a.channel_id AND c.contact_identifier = a.uploader_id)))


-- name: erase_begin
-- Remove what identifies a contact and the contacts merged into it. Their ids stay until the erasure is finished.
-- Payloads that were set aside and contain one of the identifiers go too (a phone number may appear with or without its
-- plus).
-- $1 uuid contact
WITH meant AS (SELECT id FROM contacts WHERE id = $1 OR merged_into = $1),
gone AS (DELETE FROM contact_identifiers WHERE contact_id IN (SELECT id FROM meant)
  RETURNING account_id, channel_type, identifier),
apart AS (UPDATE contact_identifiers i SET thread_identifier = NULL FROM gone g
  WHERE i.account_id = g.account_id AND i.channel_type = g.channel_type AND i.thread_identifier = g.identifier
    AND i.contact_id NOT IN (SELECT id FROM meant)),
payloads AS (DELETE FROM inbound_failures f USING gone g WHERE f.account_id = g.account_id
  AND position(convert_to(ltrim(g.identifier, '+'), 'UTF8') IN f.payload) > 0)
UPDATE contacts SET name = NULL, attributes = '{}', updated_at = now() WHERE id IN (SELECT id FROM meant)
RETURNING id::text


-- name: erase_conversations
-- Lock the conversations of contacts that are being erased, and tell of each whether the Erase command has been
-- applied.
-- $1 uuid account, $2 uuid[] contacts
SELECT c.id::text, EXISTS (SELECT FROM entries e WHERE e.conversation_id = c.id AND e.kind = 'erased')
FROM conversations c WHERE c.account_id = $1 AND c.contact_id = ANY ($2::uuid[]) ORDER BY c.id FOR UPDATE


-- name: erase_entries
-- Overwrite entries with their blanked form. Command keys go too: clients choose them, so they may contain personal
-- data.
-- $1 uuid[] conversations, $2 integer[] seqs, $3 text[] actor ids, $4 text[] data as JSON
UPDATE entries e SET actor_id = w.actor_id, command_key = NULL, data = w.data::jsonb
FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[]) AS w (conversation_id, seq, actor_id, data)
WHERE e.conversation_id = w.conversation_id AND e.seq = w.seq


-- name: erase_event_deliveries
-- Overwrite the payloads of event deliveries with their blanked form, and drop responses, which may repeat the
-- customer's words.
-- $1 uuid conversation, $2 text[] events, by the last two parts of their ids, $3 bytea[] payloads
UPDATE event_deliveries d SET payload = w.payload, response_excerpt = NULL
FROM unnest($2::text[], $3::bytea[]) AS w (place, payload)
WHERE d.conversation_id = $1 AND split_part(d.event_id, '_', 3) || '_' || split_part(d.event_id, '_', 4) = w.place


-- name: erase_event_locks
-- Lock an account's webhooks, so that its feed is not turned into deliveries during the erasure.
-- $1 uuid account
SELECT FROM event_webhooks WHERE account_id = $1 ORDER BY id FOR UPDATE


-- name: erase_projection
-- Blank the same fields of the conversation's row as core/conversation/erasure.py does. An empty identifier marks it as
-- erased.
-- $1 uuid[] conversations
UPDATE conversations SET contact_identifier = '', contact_name = NULL, topic = '', subject = NULL, metadata = '{}',
  bot_context = '{}', handoff_reason = NULL, last_message_preview = NULL
WHERE id = ANY ($1::uuid[])


-- name: erase_rest
-- Delete the contacts, and the provider ids of their messages, which may contain phone numbers, as session ids do. Unsent messages become
-- failed, and providers' error details, which may repeat a number, are dropped.
-- $1 uuid[] conversations, $2 uuid[] contacts
WITH ids AS (DELETE FROM provider_messages WHERE conversation_id = ANY ($1::uuid[])),
sent_ids AS (DELETE FROM outbox_ids WHERE conversation_id = ANY ($1::uuid[])),
drafted AS (DELETE FROM drafts WHERE conversation_id = ANY ($1::uuid[])),
suggested AS (DELETE FROM suggestions WHERE conversation_id = ANY ($1::uuid[])),
waiting AS (DELETE FROM suggestion_jobs WHERE conversation_id = ANY ($1::uuid[])),
called AS (UPDATE model_calls SET conversation_id = NULL WHERE conversation_id = ANY ($1::uuid[])),
sessions AS (DELETE FROM conversation_sessions WHERE conversation_id = ANY ($1::uuid[])),
unsent AS (
  UPDATE outbox SET status = CASE WHEN status IN ('queued', 'sending') THEN 'failed' ELSE status END, updated_at = now(),
    error = CASE WHEN status IN ('queued', 'sending') THEN '{"code": "erased", "detail": "the customer was erased"}'::jsonb
                 ELSE error - 'detail' || '{"detail": ""}' END
  WHERE conversation_id = ANY ($1::uuid[]))
DELETE FROM contacts WHERE id = ANY ($2::uuid[])


-- name: erase_uploads
-- Delete the uploads of a contact and of the contacts merged into it. Must run before their identifiers are deleted.
-- $1 uuid contact
DELETE FROM attachments a USING contact_identifiers i, contacts k, channels c
WHERE (k.id = $1 OR k.merged_into = $1) AND i.contact_id = k.id AND c.type = i.channel_type
  AND a.channel_id = c.id AND a.uploader_type = 'contact' AND a.uploader_id = i.identifier

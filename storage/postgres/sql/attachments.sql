-- Records of attachments, and the notes by which bytes without a record are deleted (delivery/attachments.py).


-- name: attachment_columns
-- Columns of a StoredAttachment, in the order of its fields.
id::text, account_id::text, conversation_id::text, channel_id::text, status, name, content_type, size, digest, error,
(extract(epoch FROM created_at) * 1000)::bigint, uploader_type, uploader_id


-- name: attachment_claimed_reserve
-- Like attachment_reserve, for a claimed file that has been fetched. Returns no row if the claim has passed to another
-- process.
-- $1 uuid, $2 integer attempt, $3 text content type, $4 bigint size, $5 text digest
UPDATE attachments SET content_type = $3, size = $4, digest = $5
WHERE id = $1 AND attempts = $2 AND status = 'pending'
RETURNING id::text


-- name: attachment_drop
-- Delete the record of a failed upload.
-- $1 uuid, $2 uuid account
DELETE FROM attachments WHERE id = $1 AND account_id = $2 AND status = 'pending' AND source IS NULL


-- name: attachment_get
-- One attachment; row-level security decides whether it is visible.
-- $1 uuid
SELECT {{columns}} FROM attachments WHERE id = $1


-- name: attachment_later
-- A fetch failed. Schedules the next attempt, or gives up if the delay is null.
-- $1 uuid, $2 integer attempt, $3 text reason, $4 double precision seconds or null
UPDATE attachments SET error = $3, digest = NULL, status = CASE WHEN $4::float8 IS NULL THEN 'failed' ELSE status END,
  source = CASE WHEN $4::float8 IS NULL THEN NULL ELSE source END, next_attempt_at = now() + make_interval(secs => $4)
WHERE id = $1 AND attempts = $2 AND status = 'pending'


-- name: attachment_lock_bytes
-- Lock bytes until the end of the transaction: nobody else may delete them or create a record that needs them.
-- $1 uuid account, $2 text digest
SELECT lock_attachment_bytes($1, $2)


-- name: attachment_note
-- Record a provider's file that is still to be fetched. A known one stays as it is.
-- $1 uuid, $2 uuid account, $3 uuid channel, $4 text name, $5 text type, $6 bigint size, $7 text source as JSON
INSERT INTO attachments (id, account_id, channel_id, status, name, content_type, size, source, next_attempt_at)
VALUES ($1, $2, $3, 'pending', $4, $5, $6, $7::text::jsonb, now())
ON CONFLICT (id) DO NOTHING


-- name: attachment_refuse
-- Record a provider's file that is not accepted.
-- $1 uuid, $2 uuid account, $3 uuid channel, $4 text name, $5 text error
INSERT INTO attachments (id, account_id, channel_id, status, name, error) VALUES ($1, $2, $3, 'failed', $4, $5)
ON CONFLICT (id) DO NOTHING


-- name: attachment_reserve
-- Record a file whose bytes are about to be stored. From now on the bytes are needed.
-- $1 uuid, $2 uuid account, $3 uuid channel, $4 text uploader type, $5 text uploader id, $6 text name, $7 text content
-- type, $8 bigint size, $9 text digest
INSERT INTO attachments (id, account_id, channel_id, uploader_type, uploader_id, status, name, content_type, size, digest)
VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $8, $9)
ON CONFLICT (id) DO NOTHING


-- name: attachment_shown
-- Whether a public message in one of a customer's conversations contains an attachment.
-- $1 uuid channel, $2 text identifier, $3 text attachments as in a message: [{"url": …}]
SELECT EXISTS (
  SELECT FROM conversations c JOIN entries e ON e.conversation_id = c.id
  WHERE c.account_id = current_account() AND c.channel_id = $1 AND c.contact_identifier = $2 AND e.kind = 'message'
    AND NOT coalesce((e.data ->> 'is_private')::boolean, false) AND e.data -> 'attachments' @> $3::text::jsonb)


-- name: attachment_stored
-- The bytes are stored: the attachment becomes available.
-- $1 uuid, $2 text digest
UPDATE attachments SET status = 'stored', source = NULL, next_attempt_at = NULL, error = NULL
WHERE id = $1 AND digest = $2 AND status IN ('pending', 'stored')
RETURNING {{columns}}


-- name: attachments_claim
-- Claim files that are due to be fetched, for the length of a lease. Concurrent callers skip each other's rows.
-- $1 integer limit, $2 double precision seconds
UPDATE attachments SET attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => $2)
WHERE id IN (
  SELECT id FROM attachments WHERE status = 'pending' AND source IS NOT NULL AND next_attempt_at <= now()
  ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING attempts, source::text, {{columns}}


-- name: attachments_get
-- Several attachments; row-level security decides which are visible.
-- $1 uuid[]
SELECT {{columns}} FROM attachments WHERE id = ANY ($1::uuid[])


-- name: attachments_link
-- Attach uploads to the conversation that first names them.
-- $1 uuid conversation, $2 uuid[] attachments
UPDATE attachments SET conversation_id = $1 WHERE id = ANY ($2::uuid[]) AND conversation_id IS NULL


-- name: garbage_done
-- The bytes have been dealt with: delete their note.
-- $1 uuid account, $2 text digest
DELETE FROM attachment_garbage WHERE account_id = $1 AND digest = $2


-- name: garbage_needed
-- Whether any record still needs these bytes.
-- $1 uuid account, $2 text digest
SELECT EXISTS (SELECT FROM attachments WHERE account_id = $1 AND digest = $2)


-- name: garbage_next
-- The oldest note of bytes that may have lost their last record, locked for the caller.
SELECT account_id::text, digest FROM attachment_garbage ORDER BY noted_at LIMIT 1 FOR UPDATE SKIP LOCKED


-- name: garbage_note
-- Note bytes that reached the store after their record was deleted.
-- $1 uuid account, $2 text digest
INSERT INTO attachment_garbage (account_id, digest) VALUES ($1, $2) ON CONFLICT DO NOTHING


-- name: garbage_unfinished
-- Delete records of uploads whose process ended before it finished.
-- $1 double precision age in seconds
DELETE FROM attachments
WHERE status = 'pending' AND source IS NULL AND created_at < now() - make_interval(secs => $1)

-- Queries of attachments: each starts with a line `-- name:` and is described by the comment below it.


-- name: attachment_columns
-- Attachment columns, in the order that rows.py reads.
id::text, account_id::text, conversation_id::text, channel_id::text, status, name, content_type, size, digest, error,
(extract(epoch FROM created_at) * 1000)::bigint, uploader_type, uploader_id


-- name: attachment_claimed_reserve
-- The same for a claimed one that has been fetched; no row where the claim is another's by now.
-- $1 uuid, $2 integer attempt, $3 text type, $4 bigint size, $5 text digest
UPDATE attachments SET content_type = $3, size = $4, digest = $5
WHERE id = $1 AND attempts = $2 AND status = 'pending'
RETURNING id::text


-- name: attachment_drop
-- An upload that failed. $1 uuid, $2 uuid account
DELETE FROM attachments WHERE id = $1 AND account_id = $2 AND status = 'pending' AND source IS NULL


-- name: attachment_get
-- One attachment: of the bound account, or of any for the system.
-- $1 uuid
SELECT {{columns}} FROM attachments WHERE id = $1


-- name: attachment_later
-- A fetch that failed: another try after some seconds, or (null) none.
-- $1 uuid, $2 integer attempt, $3 text reason, $4 double precision seconds
UPDATE attachments SET error = $3, digest = NULL, status = CASE WHEN $4::float8 IS NULL THEN 'failed' ELSE status END,
  source = CASE WHEN $4::float8 IS NULL THEN NULL ELSE source END, next_attempt_at = now() + make_interval(secs => $4)
WHERE id = $1 AND attempts = $2 AND status = 'pending'


-- name: attachment_lock_bytes
-- See the function. $1 uuid account, $2 text digest
SELECT lock_attachment_bytes($1, $2)


-- name: attachment_note
-- A provider's file that is still to be fetched; one that is known stays as it is.
-- $1 uuid, $2 uuid account, $3 uuid channel, $4 text name, $5 text type, $6 bigint size, $7 text source as JSON
INSERT INTO attachments (id, account_id, channel_id, status, name, content_type, size, source, next_attempt_at)
VALUES ($1, $2, $3, 'pending', $4, $5, $6, $7::text::jsonb, now())
ON CONFLICT (id) DO NOTHING


-- name: attachment_refuse
-- A provider's file that came along and is not taken.
-- $1 uuid, $2 uuid account, $3 uuid channel, $4 text name, $5 text error
INSERT INTO attachments (id, account_id, channel_id, status, name, error) VALUES ($1, $2, $3, 'failed', $4, $5)
ON CONFLICT (id) DO NOTHING


-- name: attachment_reserve
-- A file whose bytes are about to be stored: from now on they are needed.
-- $1 uuid, $2 uuid account, $3 uuid channel, $4 text uploader type, $5 text uploader id, $6 text name, $7 text type,
-- $8 bigint size, $9 text digest
INSERT INTO attachments (id, account_id, channel_id, uploader_type, uploader_id, status, name, content_type, size, digest)
VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $8, $9)
ON CONFLICT (id) DO NOTHING


-- name: attachment_shown
-- Whether a public message of one of a customer's conversations holds an attachment.
-- $1 uuid channel, $2 text identifier, $3 text attachments as in a message: [{"url": …}]
SELECT EXISTS (
  SELECT FROM conversations c JOIN entries e ON e.conversation_id = c.id
  WHERE c.account_id = current_account() AND c.channel_id = $1 AND c.contact_identifier = $2 AND e.kind = 'message'
    AND NOT coalesce((e.data ->> 'is_private')::boolean, false) AND e.data -> 'attachments' @> $3::text::jsonb)


-- name: attachment_stored
-- The bytes are stored. $1 uuid, $2 text digest
UPDATE attachments SET status = 'stored', source = NULL, next_attempt_at = NULL, error = NULL
WHERE id = $1 AND digest = $2 AND status IN ('pending', 'stored')
RETURNING {{columns}}


-- name: attachments_claim
-- Take files that are due, for the length of a lease; whoever comes meanwhile passes over them.
-- $1 integer how many, $2 double precision seconds
UPDATE attachments SET attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => $2)
WHERE id IN (
  SELECT id FROM attachments WHERE status = 'pending' AND source IS NOT NULL AND next_attempt_at <= now()
  ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING attempts, source::text, {{columns}}


-- name: attachments_get
-- Some attachments of the bound account.
-- $1 uuid[]
SELECT {{columns}} FROM attachments WHERE id = ANY ($1::uuid[])


-- name: attachments_link
-- The conversation that attachments belong to; the first one counts.
-- $1 uuid conversation, $2 uuid[] attachments
UPDATE attachments SET conversation_id = $1 WHERE id = ANY ($2::uuid[]) AND conversation_id IS NULL


-- name: garbage_done
-- $1 uuid account, $2 text digest
DELETE FROM attachment_garbage WHERE account_id = $1 AND digest = $2


-- name: garbage_needed
-- Whether a record needs bytes. $1 uuid account, $2 text digest
SELECT EXISTS (SELECT FROM attachments WHERE account_id = $1 AND digest = $2)


-- name: garbage_next
-- Bytes that may have lost their last record, for one who sweeps.
SELECT account_id::text, digest FROM attachment_garbage ORDER BY noted_at LIMIT 1 FOR UPDATE SKIP LOCKED


-- name: garbage_note
-- Bytes that came to the store after their record had gone. $1 uuid account, $2 text digest
INSERT INTO attachment_garbage (account_id, digest) VALUES ($1, $2) ON CONFLICT DO NOTHING


-- name: garbage_unfinished
-- Uploads that nobody finished: their process ended. $1 double precision seconds
DELETE FROM attachments
WHERE status = 'pending' AND source IS NULL AND created_at < now() - make_interval(secs => $1)

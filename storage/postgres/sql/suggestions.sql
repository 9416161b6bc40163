-- Suggested replies (assistance/suggestions.py), and the queue of conversations that wait for one (assistance/draft_queue.py).


-- name: suggestion_columns
-- Columns of a Suggestion; suggestions.py decodes them.
s.id::text, s.account_id::text, s.conversation_id::text, s.message_id::text, s.seen, s.status, s.subject,
s.body, s.confidence, s.analysis::text, s.provider, s.model, s.failed_provider, s.failed_reason, s.wishes::text,
s.sources::text, s.requested_by, (extract(epoch FROM s.created_at) * 1000)::bigint,
(extract(epoch FROM s.shown_at) * 1000)::bigint, (extract(epoch FROM s.decided_at) * 1000)::bigint, s.decided_by, s.reason,
s.edit_distance, s.sent_message_id::text


-- name: suggestion_lock
-- Let one suggestion of a conversation be added or reopened at a time, so that at most one is pending.
-- $1 text conversation
SELECT pg_advisory_xact_lock(hashtextextended('suggestions:' || $1, 0))


-- name: suggestion_reopen
-- What was about to be sent was not: it is pending again, unless there is a newer one.
-- $1 uuid id, $2 uuid conversation
UPDATE suggestions s SET status = CASE WHEN EXISTS (
  SELECT FROM suggestions n WHERE n.conversation_id = $2 AND n.status = 'pending') THEN 'replaced' ELSE 'pending' END
WHERE s.id = $1 AND s.status = 'approving'


-- name: suggestion_conversation
-- Lock a conversation that has not been erased, so that a suggestion is not kept beside its erasure.
-- $1 uuid conversation, $2 uuid account
SELECT true FROM conversations c WHERE c.id = $1 AND c.account_id = $2 AND c.contact_identifier <> ''
  AND NOT EXISTS (SELECT FROM entries e WHERE e.conversation_id = c.id AND e.kind = 'erased') FOR KEY SHARE


-- name: suggestion_replace
-- A new suggestion replaces the pending one.
-- $1 uuid conversation
UPDATE suggestions SET status = 'replaced', decided_at = now() WHERE conversation_id = $1 AND status = 'pending'


-- name: suggestion_add
-- Keep a new suggestion.
-- $1 uuid id, $2 uuid account, $3 uuid conversation, $4 uuid message, $5 integer seq seen, $6 text subject, $7 text body,
-- $8 float confidence, $9 text analysis as JSON, $10 text provider, $11 text model, $12 text provider that failed, $13 text
-- why, $14 text wishes as JSON, $15 text sources as JSON, $16 text requested by, $17 float created (s)
INSERT INTO suggestions (id, account_id, conversation_id, message_id, seen, status, subject, body,
  confidence, analysis, provider, model, failed_provider, failed_reason, wishes, sources, requested_by, created_at)
VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $8, $9::text::jsonb, $10, $11, $12, $13, $14::text::jsonb, $15::text::jsonb,
  $16, to_timestamp($17))


-- name: suggestion_overtaken
-- Mark pending suggestions of a conversation as stale that a person's newer message has overtaken.
-- $1 uuid conversation
UPDATE suggestions s SET status = 'stale', decided_at = now()
WHERE s.conversation_id = $1 AND s.status = 'pending' AND EXISTS (
  SELECT FROM entries e WHERE e.conversation_id = $1 AND e.seq > s.seen AND (e.kind = 'edited' OR e.kind = 'message'
    AND e.data ->> 'sender_type' IN ('contact', 'agent') AND coalesce((e.data ->> 'is_private')::boolean, false) = false
    AND NOT (e.data ->> 'direction' = 'inbound' AND coalesce(e.data -> 'metadata' ->> 'auto_reply', '') = 'true')))


-- name: suggestions_of
-- A conversation's suggestions, newest first.
-- $1 uuid conversation, $2 integer limit
SELECT {{columns}} FROM suggestions s WHERE s.conversation_id = $1 ORDER BY s.created_at DESC, s.id DESC LIMIT $2


-- name: suggestion_get
-- One suggestion.
-- $1 uuid id, $2 uuid conversation
SELECT {{columns}} FROM suggestions s WHERE s.id = $1 AND s.conversation_id = $2


-- name: suggestions_shown
-- Note that an agent has seen suggestions.
-- $1 uuid[] ids
UPDATE suggestions SET shown_at = now() WHERE id = ANY ($1::uuid[]) AND shown_at IS NULL


-- name: suggestion_move
-- Change a suggestion's status, if it is one of some.
-- $1 uuid id, $2 text[] statuses, $3 text new status, $4 text by, $5 text reason, $6 float edit distance, $7 uuid message sent
UPDATE suggestions s SET status = $3,
  decided_at = CASE WHEN $3 IN ('pending', 'approving') THEN NULL ELSE now() END,
  decided_by = coalesce($4, s.decided_by), reason = coalesce($5, s.reason), edit_distance = coalesce($6, s.edit_distance),
  sent_message_id = coalesce($7, s.sent_message_id)
WHERE s.id = $1 AND s.status = ANY ($2::text[]) RETURNING {{columns}}


-- name: suggestion_stats
-- What became of suggestions since a time, by provider and model.
-- $1 uuid account, $2 float since (s)
SELECT s.provider, s.model, count(*)::bigint, count(s.shown_at)::bigint, count(*) FILTER (WHERE s.status = 'approved'),
  count(*) FILTER (WHERE s.status = 'edited'), avg(s.edit_distance) FILTER (WHERE s.status = 'edited'),
  count(*) FILTER (WHERE s.status = 'rejected'), count(*) FILTER (WHERE s.status = 'stale'),
  count(*) FILTER (WHERE s.status = 'replaced'), count(s.sent_message_id)::bigint,
  count(*) FILTER (WHERE s.sent_message_id IS NOT NULL AND EXISTS (
    SELECT FROM conversations c WHERE c.id = s.conversation_id AND EXISTS (
      SELECT FROM entries e WHERE e.conversation_id = c.id AND e.seq > s.seen AND e.at > s.decided_at AND e.kind = 'message'
        AND e.data ->> 'sender_type' = 'contact'))),
  avg(s.confidence)
FROM suggestions s WHERE s.account_id = $1 AND s.created_at >= to_timestamp($2) GROUP BY 1, 2 ORDER BY 1, 2


-- name: draft_pump_lock
-- Lock accounts whose feed has moved on, longest waiting first. Rows that another process holds are skipped.
-- $1 integer limit, $2 uuid[] accounts to leave alone
SELECT s.account_id::text, least(s.position, f.position), f.generation, f.position
FROM suggestion_cursors s JOIN account_feeds f ON f.account_id = s.account_id
WHERE s.position <> f.position AND s.account_id <> ALL ($2::uuid[]) ORDER BY s.pumped_at LIMIT $1 FOR NO KEY UPDATE OF s SKIP LOCKED


-- name: draft_pump_move
-- Advance an account's place in its feed.
-- $1 uuid account, $2 bigint position
UPDATE suggestion_cursors SET position = $2, pumped_at = clock_timestamp() WHERE account_id = $1


-- name: draft_wanted
-- Customers have written: draft for them once they have been silent for a while. A newer message starts the wait anew.
-- $1 uuid account, $2 uuid[] conversations, $3 integer[] seqs, $4 float seconds of silence
INSERT INTO suggestion_jobs AS j (conversation_id, account_id, seq, due_at)
SELECT n.id, $1, n.seq, now() + make_interval(secs => $4) FROM unnest($2::uuid[], $3::integer[]) AS n (id, seq)
ON CONFLICT (conversation_id) DO UPDATE SET seq = excluded.seq, due_at = excluded.due_at, attempts = 0, wanted_at = now()
WHERE j.seq < excluded.seq


-- name: draft_unwanted
-- Agents have answered: nothing waits for a draft up to their message.
-- $1 uuid[] conversations, $2 integer[] seqs
DELETE FROM suggestion_jobs j USING unnest($1::uuid[], $2::integer[]) AS n (id, seq)
WHERE j.conversation_id = n.id AND j.seq < n.seq


-- name: draft_overtaken
-- Mark pending suggestions as stale that newer messages have overtaken.
-- $1 uuid[] conversations, $2 integer[] seqs of the newest message
UPDATE suggestions s SET status = 'stale', decided_at = now() FROM unnest($1::uuid[], $2::integer[]) AS n (id, seq)
WHERE s.conversation_id = n.id AND s.status = 'pending' AND s.seen < n.seq
RETURNING s.account_id::text, s.conversation_id::text, s.id::text, s.confidence


-- name: draft_claim
-- Claim conversations that are due. A claim that its process did not renew can be claimed again.
-- $1 integer limit, $2 float seconds that a claim lasts, $3 uuid process
UPDATE suggestion_jobs j SET claimed_by = $3, claimed_until = now() + make_interval(secs => $2), attempts = j.attempts + 1
FROM (SELECT conversation_id FROM suggestion_jobs WHERE due_at <= now() AND (claimed_until IS NULL OR claimed_until < now())
      ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED) AS d
WHERE j.conversation_id = d.conversation_id
RETURNING j.account_id::text, j.conversation_id::text, j.seq, j.attempts, extract(epoch FROM now() - j.wanted_at)::float8


-- name: draft_keep
-- Renew a process's claims of the conversations that it works on. A claim that has not been renewed for a while, of a process that is
-- silent as well, ends now.
-- $1 uuid process, $2 float seconds that a claim lasts, $3 uuid[] conversations, $4 float seconds of silence
WITH silent AS (
  UPDATE suggestion_jobs j SET claimed_by = NULL, claimed_until = NULL
  WHERE claimed_by <> $1 AND claimed_until > now() AND claimed_until < now() + make_interval(secs => $2::float8 - $4::float8)
  AND NOT EXISTS (SELECT FROM processes p WHERE p.incarnation = j.claimed_by AND p.updated_at > now() - make_interval(secs => $4)))
UPDATE suggestion_jobs SET claimed_until = now() + make_interval(secs => $2)
WHERE claimed_by = $1 AND conversation_id = ANY ($3::uuid[])


-- name: draft_release
-- A process ends: what it worked on is due for others.
-- $1 uuid process, $2 uuid[] conversations
UPDATE suggestion_jobs SET claimed_by = NULL, claimed_until = NULL, attempts = greatest(0, attempts - 1)
WHERE claimed_by = $1 AND conversation_id = ANY ($2::uuid[])


-- name: draft_done
-- A conversation has its draft, unless its customer has written again meanwhile: then it is claimed again.
-- $1 uuid conversation, $2 integer seq, $3 uuid process
WITH done AS (DELETE FROM suggestion_jobs WHERE conversation_id = $1 AND seq = $2)
UPDATE suggestion_jobs SET claimed_by = NULL, claimed_until = NULL WHERE conversation_id = $1 AND seq <> $2 AND claimed_by = $3


-- name: draft_later
-- A draft could not be made: again in a while, unless the customer has written again meanwhile, which is due when it is due.
-- $1 uuid conversation, $2 integer seq, $3 uuid process, $4 float seconds, $5 integer attempts that do not count
UPDATE suggestion_jobs SET claimed_by = NULL, claimed_until = NULL,
  due_at = CASE WHEN seq = $2 THEN now() + make_interval(secs => $4) ELSE due_at END,
  attempts = CASE WHEN seq = $2 THEN attempts - $5 ELSE attempts END
WHERE conversation_id = $1 AND claimed_by = $3


-- name: account_settings_of
-- An account's settings as stored.
-- $1 uuid account
SELECT settings::text FROM accounts WHERE id = $1

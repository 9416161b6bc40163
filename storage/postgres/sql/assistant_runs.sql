-- Runs of the assistant (assistance/runs.py): a row for each conversation with a message that waits for its answer.


-- name: run_want
-- A user has written: a run is wanted that answers up to this message.
-- $1 uuid conversation, $2 uuid account, $3 integer seq
INSERT INTO assistant_runs AS r (conversation_id, account_id, seq) VALUES ($1, $2, $3)
ON CONFLICT (conversation_id) DO UPDATE SET seq = greatest(r.seq, excluded.seq), wanted_at = now(),
  attempts = CASE WHEN r.claimed_until > now() THEN r.attempts ELSE 0 END


-- name: run_claim
-- Claim a conversation's run, unless one is under way. Returns the seq of its newest message, and how many processes have
-- begun it.
-- $1 uuid conversation, $2 uuid process, $3 float seconds that a claim lasts
UPDATE assistant_runs SET claimed_by = $2, claimed_until = now() + make_interval(secs => $3), cancelled = false,
  attempts = attempts + 1
WHERE conversation_id = $1 AND (claimed_until IS NULL OR claimed_until < now()) RETURNING seq, attempts


-- name: run_finish
-- A run has ended. Unless a newer message waits, its row is done.
-- $1 uuid conversation, $2 uuid process, $3 integer seq that it answered
WITH done AS (DELETE FROM assistant_runs WHERE conversation_id = $1 AND claimed_by = $2 AND seq <= $3)
UPDATE assistant_runs SET claimed_by = NULL, claimed_until = NULL, attempts = 0
WHERE conversation_id = $1 AND claimed_by = $2 AND seq > $3 RETURNING true


-- name: run_keep
-- Renew a process's claims of the runs that it has under way. Returns those that somebody has cancelled.
-- $1 uuid process, $2 float seconds that a claim lasts, $3 uuid[] conversations
WITH kept AS (
  UPDATE assistant_runs SET claimed_until = now() + make_interval(secs => $2) WHERE claimed_by = $1
  AND conversation_id = ANY($3::uuid[]) RETURNING conversation_id, cancelled)
SELECT conversation_id::text FROM kept WHERE cancelled


-- name: run_release
-- A process ends: its runs are anybody's.
-- $1 uuid process
UPDATE assistant_runs SET claimed_by = NULL, claimed_until = now() WHERE claimed_by = $1


-- name: run_due
-- Runs that nobody holds: their process is gone, or had no room. Those that have ended several processes are deleted, and returned as
-- such. A claim that has not been renewed for a while, of a process that is silent as well, ends now, and its run is due at the next look.
-- $1 float seconds after which an unclaimed one is left alone, $2 integer attempts, $3 integer limit, $4 float seconds that a claim lasts,
-- $5 float seconds of silence
WITH over AS (
  DELETE FROM assistant_runs WHERE attempts >= $2 AND (claimed_until IS NULL OR claimed_until < now())
  RETURNING account_id, conversation_id),
silent AS (
  UPDATE assistant_runs r SET claimed_by = NULL, claimed_until = now()
  WHERE claimed_until > now() AND claimed_until < now() + make_interval(secs => $4::float8 - $5::float8)
  AND NOT EXISTS (SELECT FROM processes p WHERE p.incarnation = r.claimed_by AND p.updated_at > now() - make_interval(secs => $5)))
SELECT account_id::text, conversation_id::text, true AS given_up FROM over
UNION ALL
(SELECT account_id::text, conversation_id::text, false FROM assistant_runs
 WHERE attempts < $2 AND coalesce(claimed_until, wanted_at + make_interval(secs => $1)) < now() ORDER BY wanted_at LIMIT $3)


-- name: run_cancel
-- Ask the process that runs a conversation's answer to stop. Returns nothing where none is under way.
-- $1 uuid conversation
UPDATE assistant_runs SET cancelled = true WHERE conversation_id = $1 AND claimed_until > now() RETURNING true

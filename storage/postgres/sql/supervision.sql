-- What supervisors read, and the shards they hold (accounts/supervision.py).


-- name: routing_agents
-- An account's agents with their preferences and teams.
-- $1 uuid account
SELECT a.user_id, a.name, coalesce(p.available_channels, '{}'), coalesce(p.available_topics, '{}'),
       p.available_hours::text, coalesce(p.languages, '{}'), coalesce(p.max_concurrent_conversations, 5),
       coalesce(p.is_available, true), coalesce(p.auto_accept, false),
       ARRAY(SELECT m.team_id::text FROM team_members m JOIN teams t ON t.id = m.team_id
             WHERE m.account_id = a.account_id AND m.user_id = a.user_id AND t.deleted_at IS NULL)
FROM agents a LEFT JOIN agent_preferences p ON p.account_id = a.account_id AND p.user_id = a.user_id
WHERE a.account_id = $1::text::uuid


-- name: routing_contacts
-- The customers of conversations of an account.
-- $1 uuid[] conversations
SELECT id::text, contact_id::text FROM conversations
WHERE account_id = (SELECT current_account()) AND id = ANY ($1::text[]::uuid[])


-- name: routing_decisions
-- An account's decisions of routing that were carried out, by position of its feed: position, conversation, kind, agent, record.
-- $1 bigint first position, $2 bigint last position, $3 bigint from (ms), $4 bigint to (ms), $5 limit
SELECT position, conversation_id::text, kind, data ->> 'agent_id', (data -> 'explain')::text FROM entries
WHERE account_id = (SELECT current_account()) AND kind IN ('assigned', 'offered') AND kind <> 'message'
  AND position BETWEEN $1 AND $2 AND at BETWEEN to_timestamp($3::bigint / 1000.0) AND to_timestamp($4::bigint / 1000.0)
  AND jsonb_typeof(data -> 'explain') = 'object' AND (kind = 'offered' OR data ->> 'by' = 'routing')
ORDER BY position LIMIT $5


-- name: routing_decisions_range
-- The first and the last position of the feed with such decisions.
-- $1 bigint from (ms), $2 bigint to (ms)
SELECT coalesce(min(position), 1), coalesce(max(position), 0) FROM entries
WHERE account_id = (SELECT current_account()) AND kind IN ('assigned', 'offered') AND kind <> 'message'
  AND at BETWEEN to_timestamp($1::bigint / 1000.0) AND to_timestamp($2::bigint / 1000.0)


-- name: routing_head
-- The head of an account's feed, and how often the facts that routing depends on have changed.
-- $1 uuid account
SELECT f.account_id::text, f.position, coalesce(r.version, 0)
FROM account_feeds f LEFT JOIN routing_changes r ON r.account_id = f.account_id WHERE f.account_id = $1::text::uuid


-- name: routing_journal_board
-- The entries from the newest snapshot at or before a time until that time: position, at (ms), kind, data. It reads no further than the
-- next snapshot, however long the journal is.
-- $1 bigint at (ms), $2 bigint position of the snapshot, $3 limit
SELECT position, (extract(epoch FROM at) * 1000)::bigint, kind, data::text FROM routing_entries
WHERE account_id = (SELECT current_account()) AND position >= $2 AND at <= to_timestamp($1::bigint / 1000.0)
  AND position < coalesce((SELECT n.position FROM routing_entries n WHERE n.account_id = (SELECT current_account())
    AND n.kind IN ('restored', 'checkpoint') AND n.at > to_timestamp($1::bigint / 1000.0) AND n.position > $2
    ORDER BY n.at, n.position LIMIT 1), 9223372036854775807)
ORDER BY position LIMIT $3


-- name: routing_journal_heads
-- The newest position of each journal.
-- $1 uuid[] accounts
SELECT w.account::text, r.position FROM unnest($1::text[]::uuid[]) AS w (account)
CROSS JOIN LATERAL (
  SELECT position FROM routing_entries e WHERE e.account_id = w.account ORDER BY position DESC LIMIT 1) AS r


-- name: routing_journal_page
-- The entries of an account after a position: position, at (ms), kind, data.
-- $1 bigint after, $2 limit
SELECT position, (extract(epoch FROM at) * 1000)::bigint, kind, data::text FROM routing_entries
WHERE account_id = (SELECT current_account()) AND position > $1 ORDER BY position LIMIT $2


-- name: routing_journal_start
-- The newest snapshot at or before a time, else the first one.
-- $1 bigint at (ms)
SELECT coalesce(
  (SELECT position FROM routing_entries WHERE account_id = (SELECT current_account())
     AND kind IN ('restored', 'checkpoint') AND at <= to_timestamp($1::bigint / 1000.0) ORDER BY at DESC, position DESC LIMIT 1),
  (SELECT position FROM routing_entries WHERE account_id = (SELECT current_account())
     AND kind IN ('restored', 'checkpoint') ORDER BY at, position LIMIT 1))


-- name: routing_journal_trim
-- Delete what journals keep no longer, but for the last snapshot before that time and what follows it.
-- $1 uuid account to start after, $2 accounts, $3 entries of each
WITH looked AS (
  SELECT a.id, (
    SELECT r.position FROM routing_entries r
    WHERE r.account_id = a.id AND r.kind IN ('restored', 'checkpoint')
      AND r.at <= now() - make_interval(days => coalesce((a.settings ->> 'routing_journal_days')::integer, 30))
    ORDER BY r.at DESC, r.position DESC LIMIT 1) AS first
  FROM accounts a WHERE a.id > $1::text::uuid ORDER BY a.id LIMIT $2),
gone AS (
  DELETE FROM routing_entries r USING looked l
  CROSS JOIN LATERAL (
    SELECT o.position FROM routing_entries o WHERE o.account_id = l.id AND o.position < l.first
    ORDER BY o.position LIMIT $3) AS old
  WHERE r.account_id = l.id AND r.position = old.position)
SELECT id::text FROM looked ORDER BY id


-- name: routing_journal_write
-- Add entries, if the supervisor's epoch stands; those stored already stay as they are.
-- $1 uuid account, $2 integer shard, $3 bigint epoch, $4 bigint[] positions, $5 bigint[] at (ms), $6 text[] kinds, $7 text[] agents,
-- $8 uuid[] conversations, $9 text[] data as JSON
WITH held AS (SELECT FROM supervisors WHERE shard = $2 AND epoch = $3 FOR SHARE)
INSERT INTO routing_entries (account_id, position, at, kind, agent_id, conversation_id, data)
SELECT $1::text::uuid, w.position, to_timestamp(w.at / 1000.0), w.kind, w.agent, w.conversation, w.data
FROM held CROSS JOIN unnest($4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::text[]::uuid[], $9::text[]::jsonb[])
  AS w (position, at, kind, agent, conversation, data)
WHERE EXISTS (SELECT FROM accounts a WHERE a.id = $1::text::uuid)
ON CONFLICT DO NOTHING


-- name: routing_last
-- When each agent was last assigned a conversation, among the newest assignments.
-- $1 uuid account, $2 limit
SELECT agent_id, (extract(epoch FROM max(at)) * 1000)::bigint FROM (
  SELECT e.data ->> 'agent_id' AS agent_id, e.at FROM entries e
  WHERE e.account_id = $1::text::uuid AND e.kind = 'assigned' ORDER BY e.at DESC LIMIT $2) AS newest
WHERE agent_id IS NOT NULL GROUP BY agent_id


-- name: routing_last_held
-- The agent who last held a conversation of each contact, and until when (ms): now, if it is still held. Looks at each
-- contact's newest conversations.
-- $1 uuid[] accounts, $2 uuid[] contacts
SELECT DISTINCT ON (w.account, w.contact) w.account::text, w.contact::text, h.agent, h.until
FROM unnest($1::text[]::uuid[], $2::text[]::uuid[]) AS w (account, contact)
CROSS JOIN LATERAL (
  SELECT CASE WHEN n.held THEN n.assignee_id ELSE n.last ->> 'agent_id' END AS agent,
         CASE WHEN n.held THEN (extract(epoch FROM now()) * 1000)::bigint ELSE (n.last ->> 'until')::bigint END AS until
  FROM (
    SELECT c.status IN ('assigned', 'pending') AS held, c.assignee_id, c.routing -> 'last' AS last FROM conversations c
    WHERE c.account_id = w.account AND c.contact_id = w.contact ORDER BY c.id DESC LIMIT 20) AS n) AS h
WHERE h.agent IS NOT NULL
ORDER BY w.account, w.contact, h.until DESC, h.agent


-- name: routing_live
-- An account's live conversations.
-- $1 uuid account
SELECT {{columns}} FROM conversations c WHERE c.account_id = $1::text::uuid AND c.status IN ('open', 'bot', 'assigned', 'pending')


-- name: routing_missed
-- Entries other than messages, by account and position: what a supervisor may have missed.
-- $1 uuid[] accounts, $2 bigint[] after, $3 bigint[] until, $4 limit per account
SELECT w.account::text, e.conversation_id::text, e.position
FROM unnest($1::text[]::uuid[], $2::bigint[], $3::bigint[]) AS w (account, after, until)
CROSS JOIN LATERAL (
  SELECT n.conversation_id, n.position FROM entries n
  WHERE n.account_id = w.account AND n.position > w.after AND n.position <= w.until AND n.kind <> 'message'
  ORDER BY n.position LIMIT $4) AS e


-- name: routing_moved
-- Accounts whose feed has moved (`fed`), or whose routing facts have changed, since $1; an account with both comes
-- twice. The first column of every row is the mark for the next call: the oldest transaction that may not have been
-- visible yet. The xmin of a row tells which transaction wrote it, so commits maintain nothing for this query, and only
-- changes leave the database.
-- $1 xid8 as text, or null for no changes. A mark from the future belongs to another database: then everything has
-- changed.
WITH since AS MATERIALIZED (
  SELECT CASE WHEN $1::text::xid8 > pg_snapshot_xmax(pg_current_snapshot()) THEN 2147483647
              ELSE age($1::text::xid8::xid) END AS age)
SELECT pg_snapshot_xmin(pg_current_snapshot())::text, h.*
FROM (SELECT) AS always LEFT JOIN (
  SELECT f.account_id::text, f.position, coalesce((
    SELECT r.version FROM routing_changes r WHERE r.account_id = f.account_id), 0) AS version, true AS fed
  FROM account_feeds f WHERE age(f.xmin) <= (SELECT age FROM since)
  UNION ALL
  SELECT r.account_id::text, coalesce((
    SELECT f.position FROM account_feeds f WHERE f.account_id = r.account_id), 0), r.version, false
  FROM routing_changes r WHERE age(r.xmin) <= (SELECT age FROM since)) AS h ON true


-- name: routing_roster_keep
-- Store a roster, or renew its time if it is known.
-- $1 uuid account, $2 text digest, $3 text agents as JSON
INSERT INTO routing_rosters AS r (account_id, digest, agents) VALUES ($1::text::uuid, $2, $3::jsonb)
ON CONFLICT (account_id, digest) DO UPDATE SET kept_at = now() WHERE r.kept_at < now() - interval '1 hour'


-- name: routing_rosters_trim
-- Examine some rosters and delete those that no entry names any more, because their conversations are gone. A roster
-- younger than a day may belong to a commit under way, and stays.
-- $1 uuid account and $2 text digest to start after, $3 limit
WITH looked AS (
  SELECT r.account_id, r.digest, r.kept_at FROM routing_rosters r
  WHERE (r.account_id, r.digest) > ($1::text::uuid, $2) ORDER BY r.account_id, r.digest LIMIT $3),
gone AS (
  DELETE FROM routing_rosters r USING looked l
  WHERE r.account_id = l.account_id AND r.digest = l.digest AND r.kept_at < now() - interval '1 day' AND NOT EXISTS (
    SELECT FROM entries e WHERE e.account_id = l.account_id AND e.data -> 'explain' ->> 'roster' = l.digest
      AND e.kind IN ('assigned', 'offered')))
SELECT account_id::text, digest FROM looked ORDER BY account_id, digest


-- name: routing_talks
-- How conversations went: the customer's messages, and how long the customer took to answer an agent: the sum in ms, and how often.
-- $1 uuid[] conversations
SELECT c::text, count(*) FILTER (WHERE sender = 'contact'),
  (coalesce(sum(pause) FILTER (WHERE sender = 'contact' AND before = 'agent'), 0) * 1000)::bigint,
  count(*) FILTER (WHERE sender = 'contact' AND before = 'agent')
FROM (
  SELECT conversation_id AS c, data ->> 'sender_type' AS sender, lag(data ->> 'sender_type') OVER talk AS before,
    extract(epoch FROM at - lag(at) OVER talk) AS pause
  FROM entries WHERE account_id = (SELECT current_account()) AND conversation_id = ANY ($1::text[]::uuid[]) AND kind = 'message'
    AND coalesce((data ->> 'is_private')::boolean, false) = false
  WINDOW talk AS (PARTITION BY conversation_id ORDER BY seq)) AS messages
GROUP BY c


-- name: routing_unanswered
-- For each conversation: since when it is with its agent, whether the agent has written to the customer since, and
-- whether the agent took it by a command of their own.
-- $1 uuid[] conversations
SELECT w.id::text, (extract(epoch FROM a.at) * 1000)::bigint, EXISTS (
  SELECT FROM entries m WHERE m.conversation_id = w.id AND m.kind = 'message' AND m.seq > a.seq
    AND m.data ->> 'sender_type' = 'agent' AND coalesce((m.data ->> 'is_private')::boolean, false) = false),
  coalesce(a.actor_type = 'agent' AND a.actor_id = a.agent_id, false)
FROM unnest($1::text[]::uuid[]) AS w (id)
CROSS JOIN LATERAL (
  SELECT e.seq, e.at, e.actor_type, e.actor_id, e.data ->> 'agent_id' AS agent_id
  FROM entries e WHERE e.conversation_id = w.id AND e.kind = 'assigned' ORDER BY e.seq DESC LIMIT 1) AS a


-- name: routing_waking
-- Accounts with live conversations. Reads the partial index that holds exactly these.
SELECT DISTINCT account_id::text FROM conversations WHERE status IN ('open', 'bot', 'assigned', 'pending')


-- name: supervisor_register
-- Register a new incarnation of a shard's supervisor and raise its epoch. Waits for commits under way that carry the
-- old one.
-- $1 integer shard, $2 uuid incarnation
INSERT INTO supervisors AS s (shard, incarnation) VALUES ($1, $2::text::uuid)
ON CONFLICT (shard) DO UPDATE SET incarnation = excluded.incarnation, epoch = s.epoch + 1, registered_at = now()
RETURNING epoch

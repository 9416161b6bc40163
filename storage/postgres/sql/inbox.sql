-- The inbox and its reports (conversations/inbox.py).


-- name: agent_assigned
-- How often conversations were assigned to an agent in a period.
-- $1 uuid account, $2 text user, $3 bigint from, $4 bigint to: ms since the epoch
SELECT count(*) FROM entries e
WHERE e.account_id = $1 AND e.kind = 'assigned' AND e.data ->> 'agent_id' = $2
  AND e.at >= to_timestamp($3::bigint / 1000.0) AND e.at < to_timestamp($4::bigint / 1000.0)


-- name: agent_messages
-- An agent's messages in a period without private notes; for how many conversations they were the first reply, and
-- after how many seconds (median and 90th percentile).
-- $1 uuid account, $2 text user, $3 bigint from, $4 bigint to: ms since the epoch
WITH said AS (
  SELECT e.conversation_id, e.at FROM entries e
  WHERE e.account_id = $1 AND e.kind = 'message'
    AND e.at >= to_timestamp($3::bigint / 1000.0) AND e.at < to_timestamp($4::bigint / 1000.0)
    AND e.data ->> 'sender_type' = 'agent' AND e.data ->> 'sender_id' = $2
    AND e.data -> 'is_private' IS DISTINCT FROM 'true'::jsonb),
first AS (
  SELECT DISTINCT c.id, extract(epoch FROM c.first_reply_at - c.created_at)::float8 AS took
  FROM said s JOIN conversations c ON c.id = s.conversation_id AND c.first_reply_at = s.at)
SELECT (SELECT count(*) FROM said), count(took), percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY took)
FROM first


-- name: agent_ratings
-- An agent's CSAT scores in a period: each conversation's last score counts, for the agent who held it last before
-- that.
-- $1 uuid account, $2 text user, $3 bigint from, $4 bigint to: ms since the epoch
SELECT score, count(*) FROM (
  SELECT DISTINCT ON (e.conversation_id) (e.data ->> 'score')::integer AS score,
    (SELECT a.data ->> 'agent_id' FROM entries a
     WHERE a.conversation_id = e.conversation_id AND a.seq < e.seq AND a.kind = 'assigned'
       AND a.data ->> 'agent_id' IS NOT NULL ORDER BY a.seq DESC LIMIT 1) AS agent
  FROM entries e
  WHERE e.account_id = $1 AND e.kind = 'rated'
    AND e.at >= to_timestamp($3::bigint / 1000.0) AND e.at < to_timestamp($4::bigint / 1000.0)
  ORDER BY e.conversation_id, e.seq DESC) AS last
WHERE agent = $2 GROUP BY score


-- name: agent_resolved
-- An agent's conversations that were resolved in a period and are still resolved.
-- $1 uuid account, $2 text user, $3 bigint from, $4 bigint to: ms since the epoch
SELECT count(*) FROM conversations c
WHERE c.account_id = $1 AND c.assignee_id = $2
  AND c.resolved_at >= to_timestamp($3::bigint / 1000.0) AND c.resolved_at < to_timestamp($4::bigint / 1000.0)


-- name: assignment_entries
-- The newest assignments and status changes of a conversation, oldest first.
-- $1 uuid conversation, $2 limit
SELECT * FROM (
  SELECT {{columns}} FROM entries e WHERE e.conversation_id = $1 AND e.kind IN ('assigned', 'status')
  ORDER BY e.seq DESC LIMIT $2) AS newest
ORDER BY 3


-- name: contact_detail
-- One contact with its identifiers as an array, oldest first; times in ms.
-- $1 uuid contact
SELECT k.id::text, k.name, k.attributes::text, (extract(epoch FROM k.created_at) * 1000)::bigint,
  (extract(epoch FROM k.updated_at) * 1000)::bigint,
  ARRAY (SELECT ROW (i.id::text, i.channel_type, i.identifier, i.display_name, i.metadata::text,
                     (extract(epoch FROM i.created_at) * 1000)::bigint, (extract(epoch FROM i.updated_at) * 1000)::bigint)
         FROM contact_identifiers i WHERE i.contact_id = k.id ORDER BY i.created_at, i.id)
FROM contacts k WHERE k.id = $1


-- name: inbox_page
-- A page of the inbox, each row with its sort key in front. See inbox_page in schema.sql.
-- $1 text inbox_filter as JSON, $2 text sort, $3 boolean descending, $4 bigint and $5 uuid: sort key and id of the last
-- row seen, or null, $6 limit
SELECT p.key, {{columns}}
FROM inbox_page(jsonb_populate_record(NULL::inbox_filter, $1::text::jsonb), $2, $3, $4, $5, $6)
  WITH ORDINALITY AS p (id, key, n)
JOIN conversations c ON c.id = p.id
ORDER BY p.n


-- name: labels_used
-- Labels of an account's newest conversations, most used first.
-- $1 uuid account, $2 conversations to count, $3 limit
SELECT label, count(*) FROM (
  SELECT labels FROM conversations WHERE account_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2) AS newest,
  jsonb_array_elements_text(newest.labels) AS label
GROUP BY label ORDER BY count(*) DESC, label LIMIT $3


-- name: routing_rosters
-- Rosters by digest.
-- $1 text[] digests
SELECT digest, agents::text FROM routing_rosters WHERE digest = ANY ($1::text[])

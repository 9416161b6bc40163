-- What a new customer costs the database.

-- Most conversations have no label and most contacts no name: these get no entry in an inverted index.
DROP INDEX conversations_labels;
CREATE INDEX conversations_labels ON conversations USING gin (account_id, labels jsonb_path_ops)
  WITH (gin_pending_list_limit = 65536) WHERE labels <> '[]';
DROP INDEX contacts_name;
CREATE INDEX contacts_name ON contacts USING gin (account_id, search_key(name) gin_trgm_ops)
  WITH (gin_pending_list_limit = 65536) WHERE name IS NOT NULL;

-- The planner takes a partial index only where the query repeats its condition.
DO $$
DECLARE
  change record;
  text_of text;
BEGIN
  FOR change IN SELECT * FROM (VALUES
    ('inbox_clauses', $q$(f.labels IS NOT NULL,       'c.labels @> ($2).labels')$q$,
      $q$(f.labels <> '[]',           'c.labels <> ''[]'' AND c.labels @> ($2).labels')$q$),
    ('contacts_matching', 'search_key(k.name) LIKE', 'k.name IS NOT NULL AND search_key(k.name) LIKE'),
    ('search_conversations', 'search_key(k.name) LIKE', 'k.name IS NOT NULL AND search_key(k.name) LIKE')) AS c (name, old, new) LOOP
    text_of := pg_get_functiondef(change.name::regproc);
    IF position(change.old IN text_of) = 0 THEN
      RAISE EXCEPTION '% has another text than this migration expects', change.name;
    END IF;
    EXECUTE replace(text_of, change.old, change.new);
  END LOOP;
END $$;

-- A thread is found by its channel. No other index begins with it, so the planner cannot take another one for as good while the
-- tables are small: load_threads is planned once a session.
DROP INDEX conversations_live, conversations_thread;
CREATE UNIQUE INDEX conversations_live ON conversations (channel_id, contact_identifier, topic, account_id)
  WHERE status IN ('open', 'bot', 'assigned', 'pending');
CREATE INDEX conversations_thread ON conversations (channel_id, contact_identifier, topic, id DESC);

-- What a host must know of each thread key to open it: whether its account exists, the contact, the live conversation, the newest
-- resolved ones, and whether it has never had a conversation. A thread of which nothing is known has no row.
--
-- IS NOT DISTINCT FROM, since no index serves it, and the order of the identifiers, which one index alone has: an index that merely
-- begins with the account would be read from end to end.
CREATE OR REPLACE FUNCTION load_threads(accounts uuid[], channels uuid[], types text[], identifiers text[], topics text[], most_resolved integer)
RETURNS TABLE (ord bigint, has_account boolean, contact_id text, name text, live text, resolved text[], unused boolean)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
SET enable_sort = off AS $$
BEGIN
  RETURN QUERY
  SELECT w.ord, a.known, ci.contact_id::text, coalesce(ct.name, ci.display_name),
    (SELECT c.id::text FROM conversations c
     WHERE c.channel_id = w.channel AND c.contact_identifier = w.identifier AND c.topic = w.topic
       AND c.account_id IS NOT DISTINCT FROM w.account AND c.status IN ('open', 'bot', 'assigned', 'pending')),
    ARRAY(SELECT c.id::text FROM conversations c
     WHERE c.channel_id = w.channel AND c.contact_identifier = w.identifier AND c.topic = w.topic
       AND c.account_id IS NOT DISTINCT FROM w.account AND c.status = 'resolved' ORDER BY c.id DESC LIMIT most_resolved),
    n.newest IS NULL
  FROM unnest(accounts, channels, types, identifiers, topics)
    WITH ORDINALITY AS w (account, channel, type, identifier, topic, ord)
  CROSS JOIN LATERAL (
    SELECT (SELECT true FROM account_feeds f WHERE f.account_id = w.account) IS NOT NULL AS known OFFSET 0) AS a
  CROSS JOIN LATERAL (
    SELECT (SELECT c.id FROM conversations c
     WHERE c.channel_id = w.channel AND c.contact_identifier = w.identifier AND c.topic = w.topic
       AND c.account_id IS NOT DISTINCT FROM w.account ORDER BY c.id DESC LIMIT 1) AS newest OFFSET 0) AS n
  LEFT JOIN LATERAL (
    SELECT i.contact_id, i.display_name FROM contact_identifiers i
    WHERE i.account_id = w.account AND i.channel_type = w.type AND i.identifier >= w.identifier AND i.identifier <= w.identifier
    ORDER BY i.identifier LIMIT 1) AS ci ON true
  LEFT JOIN contacts ct ON ct.id = ci.contact_id
  WHERE NOT a.known OR n.newest IS NOT NULL OR ci.contact_id IS NOT NULL;
END $$;

-- Count up to `most` further entries of an account. Returns how many. `waits` false: none while another is at it.
CREATE OR REPLACE FUNCTION report_advance(account uuid, most integer, waits boolean) RETURNS integer LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  done bigint;
  upto bigint;
BEGIN
  INSERT INTO report_cursors (account_id) SELECT account WHERE EXISTS (SELECT FROM account_feeds WHERE account_id = account)
  ON CONFLICT DO NOTHING;
  IF waits THEN
    SELECT c.position INTO done FROM report_cursors c WHERE c.account_id = account FOR UPDATE;
  ELSE
    SELECT c.position INTO done FROM report_cursors c WHERE c.account_id = account FOR UPDATE SKIP LOCKED;
  END IF;
  SELECT least(f.position, done + most) INTO upto FROM account_feeds f WHERE f.account_id = account;
  IF done IS NULL OR upto <= done THEN
    RETURN 0;
  END IF;

  -- No join of two sets: each conversation is looked up once, and takes its own part of the batch along.
  WITH batch AS MATERIALIZED (
    SELECT e.conversation_id AS id, e.position, e.at, date_trunc('hour', e.at, 'UTC') AS hour, e.kind,
      CASE WHEN e.kind = 'message' AND e.data -> 'is_private' IS DISTINCT FROM 'true' THEN e.data ->> 'direction' END AS direction,
      CASE WHEN e.kind = 'message' THEN e.data ->> 'sender_type' END AS sender,
      CASE WHEN e.kind = 'message' AND e.data ->> 'sender_type' = 'agent' AND e.data -> 'is_private' IS DISTINCT FROM 'true'
        THEN e.data ->> 'sender_id' END AS agent,
      CASE WHEN e.kind = 'assigned' THEN coalesce(e.data ->> 'agent_id', '')
        WHEN e.kind = 'status' AND e.data ->> 'to_status' IN ('open', 'bot') THEN '' END AS holds,
      CASE WHEN e.kind = 'rated' THEN (e.data ->> 'score')::integer END AS score,
      CASE WHEN e.kind = 'sla' AND e.data ->> 'state' = 'breach' THEN e.data ->> 'target' END AS missed
    FROM entries e WHERE e.account_id = account AND e.position > done AND e.position <= upto),
  flagged AS MATERIALIZED (  -- most conversations only open and receive: these need no history of holders and scores
    SELECT b.*, bool_or(coalesce(b.holds, b.agent, b.missed, b.score::text) IS NOT NULL) OVER (PARTITION BY b.id) AS busy FROM batch b),
  numbered AS (
    SELECT b.*, count(b.holds) OVER w AS change, count(nullif(b.holds, '')) OVER w AS hold
    FROM flagged b WHERE b.busy WINDOW w AS (PARTITION BY b.id ORDER BY b.position)),
  held AS (  -- who holds it after each entry, and who held it last; null: as before the batch
    SELECT n.*, max(n.holds) OVER (PARTITION BY n.id, n.change) AS holder,
      max(nullif(n.holds, '')) OVER (PARTITION BY n.id, n.hold) AS last_holder
    FROM numbered n),
  touched AS MATERIALIZED (
    SELECT h.id, min(h.at) FILTER (WHERE h.holds <> '') AS assigned_at,
      (array_agg(h.agent ORDER BY h.position) FILTER (WHERE h.agent IS NOT NULL))[1] AS replier,
      (array_agg(h.holder ORDER BY h.position DESC))[1] AS holder,
      (array_agg(h.last_holder ORDER BY h.position DESC))[1] AS last_holder,
      (array_agg(h.score ORDER BY h.position DESC) FILTER (WHERE h.score IS NOT NULL))[1] AS score,
      (array_agg(h.at ORDER BY h.position DESC) FILTER (WHERE h.score IS NOT NULL))[1] AS rated_at,
      (array_agg(h.last_holder ORDER BY h.position DESC) FILTER (WHERE h.score IS NOT NULL))[1] AS rated_agent,
      jsonb_object_agg(h.missed, h.holder ORDER BY h.position DESC) FILTER (WHERE h.missed IS NOT NULL) AS missed  -- the first stays
    FROM held h GROUP BY h.id
    UNION ALL SELECT f.id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM flagged f WHERE NOT f.busy GROUP BY f.id),
  -- A conversation's present row may already be ahead of `upto`: its later entries find nothing left to change.
  changed AS MATERIALIZED (
    SELECT s.before, s.after FROM touched t
    CROSS JOIN LATERAL (SELECT * FROM conversations k WHERE k.id = t.id OFFSET 0) AS c
    LEFT JOIN LATERAL (SELECT k AS counted FROM report_conversations k WHERE k.conversation_id = t.id OFFSET 0) AS o ON true
    CROSS JOIN LATERAL (SELECT o.counted AS before, ROW(
      c.id, account, c.created_at, c.status, report_bucket(c.first_reply_at - c.created_at),
      -- what a machine began was done at once, and tells nothing of the team
      CASE WHEN c.resolved_at > c.created_at THEN report_bucket(c.resolved_at - c.created_at) END,
      c.channel_id, c.team_id, CASE WHEN c.labels = '[]' THEN '{}' ELSE ARRAY (SELECT DISTINCT jsonb_array_elements_text(c.labels)) END,
      c.resolved_at,
      coalesce((o.counted).wait, report_bucket(t.assigned_at - c.created_at)), coalesce(t.holder, (o.counted).holder),
      coalesce(t.last_holder, (o.counted).last_holder), coalesce((o.counted).replier, t.replier),
      coalesce(t.score, (o.counted).score), coalesce(t.rated_at, (o.counted).rated_at),
      CASE WHEN t.score IS NULL THEN (o.counted).rated_agent ELSE coalesce(t.rated_agent, (o.counted).last_holder) END,
      CASE WHEN t.missed IS NULL THEN coalesce((o.counted).missed, '{}') ELSE
        (SELECT jsonb_object_agg(m.target, coalesce(m.agent, (o.counted).holder, '')) FROM jsonb_each_text(t.missed) AS m (target, agent))
        || coalesce((o.counted).missed, '{}') END)::report_conversations AS after OFFSET 0) AS s  -- OFFSET 0: evaluated once
    WHERE s.before IS DISTINCT FROM s.after),
  kept AS (
    INSERT INTO report_conversations AS r SELECT (c.after).* FROM changed c
    ON CONFLICT (conversation_id) DO UPDATE SET
      status = excluded.status, reply = excluded.reply, resolution = excluded.resolution, team_id = excluded.team_id,
      labels = excluded.labels, resolved_at = excluded.resolved_at, wait = excluded.wait, holder = excluded.holder,
      last_holder = excluded.last_holder, replier = excluded.replier, score = excluded.score, rated_at = excluded.rated_at,
      rated_agent = excluded.rated_agent, missed = excluded.missed),
  -- What entries add once and for good: of the account, the channel, and the agent who wrote or received.
  volumes AS (
    SELECT b.id, b.hour, m.measure, count(*) AS n FROM batch b CROSS JOIN LATERAL unnest(CASE
      WHEN b.kind = 'handoff' THEN ARRAY['handoff']
      WHEN b.direction = 'inbound' THEN ARRAY['inbound']
      WHEN b.direction IS NOT NULL AND b.sender = 'bot' THEN ARRAY['outbound', 'bot']
      WHEN b.direction IS NOT NULL THEN ARRAY['outbound']
      WHEN b.kind = 'assigned' AND b.holds <> '' THEN ARRAY['assigned']
      ELSE '{}' END) AS m (measure)
    GROUP BY b.id, b.hour, m.measure),
  -- States that contribute the same are counted together: what a state contributes takes longer to list than the rest.
  states AS MATERIALIZED (
    SELECT s.state, sum(s.n) AS n
    FROM changed c CROSS JOIN LATERAL (VALUES (c.after, 1), (c.before, -1)) AS v (state, n)
    CROSS JOIN LATERAL (SELECT v.n, ROW(
      NULL, NULL, date_trunc('hour', (v.state).created_at, 'UTC'), (v.state).status, (v.state).reply, (v.state).resolution,
      (v.state).channel_id, (v.state).team_id, (v.state).labels, date_trunc('hour', (v.state).resolved_at, 'UTC'),
      (v.state).wait, (v.state).holder, (v.state).last_holder, (v.state).replier, (v.state).score,
      date_trunc('hour', (v.state).rated_at, 'UTC'), (v.state).rated_agent, (v.state).missed)::report_conversations AS state
      OFFSET 0) AS s
    WHERE (v.state).conversation_id IS NOT NULL
    GROUP BY s.state HAVING sum(s.n) <> 0),
  changes AS (
    SELECT s.dimension, s.item, s.measure, s.at, s.bucket, v.n
    FROM states v CROSS JOIN LATERAL report_contributions(v.state) AS s
    UNION ALL SELECT i.dimension, i.item, v.measure, v.hour, 0, v.n FROM volumes v
    LEFT JOIN LATERAL (SELECT k.channel_id FROM conversations k WHERE k.id = v.id OFFSET 0) AS c ON true  -- it may be gone
    CROSS JOIN LATERAL (VALUES ('', ''), ('channel', c.channel_id::text)) AS i (dimension, item) WHERE i.item IS NOT NULL
    UNION ALL SELECT 'agent', b.agent, 'outbound', b.hour, 0, 1 FROM batch b WHERE b.agent IS NOT NULL
    UNION ALL SELECT 'agent', b.holds, 'assigned', b.hour, 0, 1 FROM batch b WHERE b.kind = 'assigned' AND b.holds <> '')
  INSERT INTO report_counts AS r (account_id, dimension, item, measure, at, bucket, n)
  SELECT account, c.dimension, c.item, c.measure, c.at, c.bucket, sum(c.n) FROM changes c
  GROUP BY c.dimension, c.item, c.measure, c.at, c.bucket HAVING sum(c.n) <> 0
  ORDER BY c.dimension, c.measure, c.at, c.item, c.bucket
  ON CONFLICT ON CONSTRAINT report_counts_pkey DO UPDATE SET n = r.n + excluded.n;

  UPDATE report_cursors SET position = upto WHERE account_id = account;
  RETURN upto - done;
END $$;

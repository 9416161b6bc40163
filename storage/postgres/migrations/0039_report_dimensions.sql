-- Figures by agent, team, channel and label: each count belongs to one item of a dimension, or to the account as a whole ('', '').
-- What was counted before says nothing of items: all is counted again, by the hosts or by the next reader. See decision 0015.

TRUNCATE report_counts, report_conversations;
UPDATE report_cursors SET position = 0;

ALTER TABLE report_counts
  ADD COLUMN dimension text NOT NULL,
  ADD COLUMN item text NOT NULL,
  DROP CONSTRAINT report_counts_pkey,
  ADD CONSTRAINT report_counts_pkey PRIMARY KEY (account_id, dimension, measure, at, item, bucket);

-- Durations are buckets (report_bucket). `holder`: who holds it now; `last_holder`: who held it last; `replier`: whose reply was the
-- first; `rated_agent`: who held it last before the score; `missed`: for each SLA target that was missed, who held it then ('' nobody).
ALTER TABLE report_conversations
  ADD COLUMN channel_id uuid NOT NULL,
  ADD COLUMN team_id uuid,
  ADD COLUMN labels text[] NOT NULL,
  ADD COLUMN resolved_at timestamptz,
  ADD COLUMN wait integer,
  ADD COLUMN holder text,
  ADD COLUMN last_holder text,
  ADD COLUMN replier text,
  ADD COLUMN score integer,
  ADD COLUMN rated_at timestamptz,
  ADD COLUMN rated_agent text,
  ADD COLUMN missed jsonb NOT NULL;

-- What a conversation contributes to the counts, now: one each. Durations are counted by hour and by day.
CREATE FUNCTION report_contributions(c report_conversations)
RETURNS TABLE (dimension text, item text, measure text, at timestamptz, bucket integer) LANGUAGE sql STABLE AS $$
  WITH facts (measure, at, bucket) AS (
    VALUES ('opened', c.created_at, 0), ('resolved', c.resolved_at, 0), ('csat', c.rated_at, c.score),
      ('missed first_reply', CASE WHEN c.missed ? 'first_reply' THEN c.created_at END, 0),
      ('missed next_reply', CASE WHEN c.missed ? 'next_reply' THEN c.created_at END, 0),
      ('missed resolution', CASE WHEN c.missed ? 'resolution' THEN c.created_at END, 0)),
  durations (measure, agent, bucket) AS (
    VALUES ('reply', c.replier, c.reply), ('resolution', c.last_holder, c.resolution), ('wait', NULL, c.wait)),
  -- of what, except of agents
  items (dimension, item) AS (
    SELECT '', '' UNION ALL SELECT 'channel', c.channel_id::text
    UNION ALL SELECT 'team', c.team_id::text WHERE c.team_id IS NOT NULL
    UNION ALL SELECT 'label', label FROM unnest(c.labels) AS label),
  shares AS (
    SELECT i.dimension, i.item, m.* FROM items i CROSS JOIN (
      SELECT f.measure, date_trunc('hour', f.at, 'UTC') AS at, f.bucket FROM facts f
      UNION ALL SELECT 'status ' || c.status, '-infinity', 0
      UNION ALL SELECT d.measure, date_trunc('hour', c.created_at, 'UTC'), d.bucket FROM durations d
      UNION ALL SELECT d.measure || '_day', date_trunc('day', c.created_at, 'UTC'), d.bucket FROM durations d) AS m
    UNION ALL SELECT 'agent', d.agent, d.measure, date_trunc('hour', c.created_at, 'UTC'), d.bucket FROM durations d
    UNION ALL SELECT 'agent', d.agent, d.measure || '_day', date_trunc('day', c.created_at, 'UTC'), d.bucket FROM durations d
    UNION ALL VALUES ('agent', c.holder, 'status ' || c.status, '-infinity'::timestamptz, 0),
      ('agent', c.last_holder, 'opened', date_trunc('hour', c.created_at, 'UTC'), 0),
      ('agent', c.last_holder, 'resolved', date_trunc('hour', c.resolved_at, 'UTC'), 0),
      ('agent', c.rated_agent, 'csat', date_trunc('hour', c.rated_at, 'UTC'), c.score)
    UNION ALL SELECT 'agent', m.agent, 'missed ' || m.target, date_trunc('hour', c.created_at, 'UTC'), 0
      FROM jsonb_each_text(c.missed) AS m (target, agent))
  SELECT s.* FROM shares s
  WHERE s.at IS NOT NULL AND s.bucket IS NOT NULL AND s.item IS NOT NULL AND (s.dimension <> 'agent' OR s.item <> '') $$;

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
  numbered AS (
    SELECT b.*, count(b.holds) OVER w AS change, count(nullif(b.holds, '')) OVER w AS hold
    FROM batch b WINDOW w AS (PARTITION BY b.id ORDER BY b.position)),
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
    FROM held h GROUP BY h.id),
  -- A conversation's present row may already be ahead of `upto`: its later entries find nothing left to change.
  changed AS MATERIALIZED (
    SELECT s.before, s.after FROM touched t
    CROSS JOIN LATERAL (SELECT * FROM conversations k WHERE k.id = t.id OFFSET 0) AS c
    LEFT JOIN LATERAL (SELECT k AS counted FROM report_conversations k WHERE k.conversation_id = t.id OFFSET 0) AS o ON true
    CROSS JOIN LATERAL (SELECT o.counted AS before, ROW(
      c.id, account, c.created_at, c.status, report_bucket(c.first_reply_at - c.created_at),
      -- what a machine began was done at once, and tells nothing of the team
      CASE WHEN c.resolved_at > c.created_at THEN report_bucket(c.resolved_at - c.created_at) END,
      c.channel_id, c.team_id, ARRAY (SELECT DISTINCT jsonb_array_elements_text(c.labels)), c.resolved_at,
      coalesce((o.counted).wait, report_bucket(t.assigned_at - c.created_at)), coalesce(t.holder, (o.counted).holder),
      coalesce(t.last_holder, (o.counted).last_holder), coalesce((o.counted).replier, t.replier),
      coalesce(t.score, (o.counted).score), coalesce(t.rated_at, (o.counted).rated_at),
      CASE WHEN t.score IS NULL THEN (o.counted).rated_agent ELSE coalesce(t.rated_agent, (o.counted).last_holder) END,
      coalesce((SELECT jsonb_object_agg(m.target, coalesce(m.agent, (o.counted).holder, '')) FROM jsonb_each_text(t.missed) AS m (target, agent)),
        '{}') || coalesce((o.counted).missed, '{}'))::report_conversations AS after) AS s
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
  changes AS (
    SELECT s.dimension, s.item, s.measure, s.at, s.bucket, v.n
    FROM changed c CROSS JOIN LATERAL (VALUES (c.after, 1), (c.before, -1)) AS v (state, n)
    CROSS JOIN LATERAL report_contributions(v.state) AS s WHERE (v.state).conversation_id IS NOT NULL
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

REVOKE ALL ON FUNCTION report_contributions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION report_contributions TO tertulia_system;

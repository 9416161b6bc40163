-- commit_batch in full, as the migrations up to here have made it: 0010 to 0012 changed it in place, and nobody could read it
-- any more. Nothing else changes. One group commit of a conversation host, in one call and one transaction:
--
-- 1. The fences: every touched partition is locked FOR SHARE and must still have the epoch the host knows (SQLSTATE TE001),
--    and so must the supervisors on whose word a part of the batch rests (TE002). Otherwise nothing is written.
-- 2. Provider ids, the projection, the inbox's order; a repeated key raises unique_violation and nothing is written.
-- 3. The accounts' feeds move on, their rows locked last and in order; then the entries, edits of messages, the outbox.
-- Returns where each account's feed stood before the batch.

CREATE OR REPLACE FUNCTION commit_batch(
  partition_ids integer[], epochs bigint[], account_ids uuid[], account_counts integer[],
  e_conversation uuid[], e_seq integer[], e_account integer[], e_ordinal integer[], e_at bigint[],
  e_kind text[], e_actor_type text[], e_actor_id text[], e_key text[], e_data text[], t_id uuid[],
  t_seq integer[], t_unread integer[], t_updated bigint[], t_first_reply bigint[], t_last_message bigint[],
  t_preview text[], t_unanswered bigint[], changed text[], r_id uuid[], r_account uuid[], r_at bigint[],
  p_channel uuid[], p_external text[], p_conversation uuid[], p_seq integer[], o_conversation uuid[],
  o_seq integer[], o_account uuid[], o_channel uuid[], o_message uuid[], o_at bigint[], s_shard integer[],
  s_epoch bigint[]
) RETURNS bigint[] LANGUAGE plpgsql AS $function$
DECLARE
  standing integer;
  bases bigint[];
BEGIN
  SELECT count(*) INTO standing FROM (
    SELECT 1 FROM partitions p JOIN unnest(partition_ids, epochs) AS w (id, epoch) ON p.id = w.id AND p.epoch = w.epoch
    FOR SHARE OF p) AS held;
  IF standing <> cardinality(partition_ids) THEN
    RAISE EXCEPTION 'stale epoch' USING ERRCODE = 'TE001';
  END IF;

  IF cardinality(s_shard) > 0 THEN
    SELECT count(*) INTO standing FROM (
      SELECT 1 FROM supervisors s JOIN unnest(s_shard, s_epoch) AS w (shard, epoch) ON s.shard = w.shard AND s.epoch = w.epoch
      FOR SHARE OF s) AS held;
    IF standing <> cardinality(s_shard) THEN
      RAISE EXCEPTION 'stale supervisor' USING ERRCODE = 'TE002';
    END IF;
  END IF;

  IF cardinality(p_external) > 0 THEN
    INSERT INTO provider_messages SELECT * FROM unnest(p_channel, p_external, p_conversation, p_seq);
  END IF;

  IF cardinality(changed) > 0 THEN
    INSERT INTO conversations SELECT (jsonb_populate_record(NULL::conversations, c::jsonb)).* FROM unnest(changed) AS c
    ON CONFLICT (id) DO UPDATE SET
      contact_id = excluded.contact_id, contact_name = excluded.contact_name, outlet_id = excluded.outlet_id,
      status = excluded.status, priority = excluded.priority, subject = excluded.subject, labels = excluded.labels,
      assignee_id = excluded.assignee_id, team_id = excluded.team_id,
      handoff_requested = excluded.handoff_requested, handoff_reason = excluded.handoff_reason,
      bot_context = excluded.bot_context, metadata = excluded.metadata, seq = excluded.seq,
      unread_count = excluded.unread_count, first_reply_at = excluded.first_reply_at,
      last_message_at = excluded.last_message_at, last_message_preview = excluded.last_message_preview,
      snoozed_until = excluded.snoozed_until, waiting_since = excluded.waiting_since,
      resolved_at = excluded.resolved_at, unanswered_since = excluded.unanswered_since, timer_at = excluded.timer_at,
      fired = excluded.fired, routing = excluded.routing, csat_due = excluded.csat_due,
      archived_at = excluded.archived_at, updated_at = excluded.updated_at;
  END IF;
  IF cardinality(t_id) > 0 THEN
    UPDATE conversations c SET
      seq = t.seq, unread_count = t.unread, updated_at = to_timestamp(t.updated / 1000.0),
      first_reply_at = to_timestamp(t.first_reply / 1000.0), last_message_at = to_timestamp(t.last_message / 1000.0),
      last_message_preview = t.preview, unanswered_since = to_timestamp(t.unanswered / 1000.0)
    FROM unnest(t_id, t_seq, t_unread, t_updated, t_first_reply, t_last_message, t_preview, t_unanswered)
      AS t (id, seq, unread, updated, first_reply, last_message, preview, unanswered)
    WHERE c.id = t.id;
  END IF;

  IF cardinality(r_id) > 0 THEN
    INSERT INTO conversation_recency AS r (conversation_id, account_id, last_message_at)
    SELECT u.id, u.account, to_timestamp(u.at / 1000.0) FROM unnest(r_id, r_account, r_at) AS u (id, account, at)
    ON CONFLICT (conversation_id) DO UPDATE SET last_message_at = excluded.last_message_at;
  END IF;

  PERFORM 1 FROM account_feeds WHERE account_id = ANY (account_ids) ORDER BY account_id FOR UPDATE;
  WITH moved AS (
    UPDATE account_feeds f SET position = f.position + w.n
    FROM unnest(account_ids, account_counts) AS w (id, n) WHERE f.account_id = w.id
    RETURNING f.account_id, f.position - w.n AS base)
  SELECT array_agg(m.base ORDER BY w.ord) INTO bases
  FROM unnest(account_ids) WITH ORDINALITY AS w (id, ord) LEFT JOIN moved m ON m.account_id = w.id;

  INSERT INTO entries (conversation_id, seq, account_id, position, at, kind, actor_type, actor_id, command_key, data)
  SELECT e.conversation, e.seq, account_ids[e.account], bases[e.account] + e.ordinal, to_timestamp(e.at / 1000.0), e.kind,
         e.actor_type, e.actor_id, e.key, e.data::jsonb
  FROM unnest(e_conversation, e_seq, e_account, e_ordinal, e_at, e_kind, e_actor_type, e_actor_id, e_key, e_data)
    AS e (conversation, seq, account, ordinal, at, kind, actor_type, actor_id, key, data);

  IF cardinality(o_seq) > 0 THEN
    INSERT INTO outbox (conversation_id, seq, account_id, channel_id, message_id, created_at, queued_at)
    SELECT o.conversation, o.seq, o.account, o.channel, o.message, to_timestamp(o.at / 1000.0), now()
    FROM unnest(o_conversation, o_seq, o_account, o_channel, o_message, o_at)
      AS o (conversation, seq, account, channel, message, at);
  END IF;
  IF 'edited' = ANY (e_kind) THEN
    UPDATE entries m SET data = m.data || jsonb_build_object(
      'content', n.data -> 'content',
      'metadata', coalesce(m.data -> 'metadata', '{}') || jsonb_build_object('edited_at', n.data -> 'edited_at'))
    FROM (
      SELECT DISTINCT ON (e.conversation, e.data::jsonb ->> 'message_id') e.conversation, e.data::jsonb AS data
      FROM unnest(e_conversation, e_kind, e_data) AS e (conversation, kind, data) WHERE e.kind = 'edited'
      ORDER BY e.conversation, e.data::jsonb ->> 'message_id', (e.data::jsonb ->> 'edited_at')::bigint DESC) AS n
    WHERE m.conversation_id = n.conversation AND m.kind = 'message' AND m.data ->> 'id' = n.data ->> 'message_id'
      AND coalesce((m.data -> 'metadata' ->> 'edited_at')::bigint, 0) < (n.data ->> 'edited_at')::bigint;
  END IF;

  RETURN bases;
END $function$;

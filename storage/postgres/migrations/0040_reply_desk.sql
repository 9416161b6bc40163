-- The reply desk: clicks told apart from opens, and its search by the index.

ALTER TABLE outbox ADD COLUMN clicked_at timestamptz;

-- The conversations of the caller's account that a search finds. `f`: an inbox_filter as JSON, of which only the searches count.
CREATE FUNCTION desk_search(f text) RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER
SET search_path TO pg_catalog, public, pg_temp AS $$
  SELECT search_conversations(current_account(), (jsonb_populate_record(NULL::inbox_filter, f::jsonb)).searches, true)
$$;
REVOKE EXECUTE ON FUNCTION desk_search(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION desk_search(text) TO tertulia_app;

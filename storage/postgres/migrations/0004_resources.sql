-- Contacts that can be found, sub-domains that are unique, an audit log in the order of time.

CREATE UNIQUE INDEX accounts_sub_domain ON accounts ((settings ->> 'sub_domain'));
CREATE INDEX contact_identifiers_search ON contact_identifiers USING gin (account_id, identifier gin_trgm_ops);
CREATE INDEX contact_identifiers_account ON contact_identifiers (account_id, created_at, id);
DROP INDEX audit_log_account;
CREATE INDEX audit_log_account ON audit_log (account_id, at DESC, id DESC);
CREATE INDEX contacts_merged ON contacts (merged_into) WHERE merged_into IS NOT NULL;

-- Ids of the contacts whose name or identifier matches an ILIKE pattern, newest first, after a row already seen.
--
-- ILIKE is not leakproof, so under row-level security it could use no index. This runs as the schema's owner, takes the
-- account from current_account() and nothing else, and returns ids; the caller reads the rows under row-level security.
CREATE FUNCTION contacts_matching(pattern text, after_at timestamptz, after_id uuid, most integer)
RETURNS SETOF uuid LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 20 AS $$
DECLARE
  FEW constant integer := 1000;
  account constant uuid := current_account();
  chosen uuid[];
BEGIN
  -- EXECUTE, because it plans for these very values. A pattern that many match is not looked up but met by walking the
  -- contacts in their order: enough of them lie close together.
  EXECUTE $q$
    SELECT array_agg(id) FROM (
      (SELECT n.id FROM contacts n WHERE n.account_id = $1 AND n.name ILIKE $2 LIMIT $3 + 1)
      UNION ALL
      (SELECT i.contact_id FROM contact_identifiers i WHERE i.account_id = $1 AND i.identifier ILIKE $2 LIMIT $3 + 1)
    ) AS f (id)
  $q$ INTO chosen USING account, pattern, FEW;
  RETURN QUERY EXECUTE $q$
    SELECT k.id FROM contacts k
    WHERE k.account_id = $1 AND k.merged_into IS NULL AND ($3 IS NULL OR (k.created_at, k.id) < ($3, $4)) AND
  $q$ || CASE WHEN cardinality(chosen) > FEW
    THEN '(k.name ILIKE $2 OR (SELECT true FROM contact_identifiers i WHERE i.contact_id = k.id AND i.identifier ILIKE $2
          LIMIT 1))'
    ELSE 'k.id = ANY ($6)' END || ' ORDER BY k.created_at DESC, k.id DESC LIMIT $5'
  USING account, pattern, after_at, after_id, most, chosen;
END $$;
REVOKE EXECUTE ON FUNCTION contacts_matching FROM PUBLIC;
GRANT EXECUTE ON FUNCTION contacts_matching TO tertulia_app;
DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION contacts_matching SET search_path = pg_catalog, %I, pg_temp', current_schema());
END $$;

-- The knowledge base: articles, what they said before, and the passages that searches find.

CREATE TABLE articles (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  title text NOT NULL,
  body text NOT NULL,
  language text,
  visibility text NOT NULL,
  source text,
  version integer NOT NULL,
  created_by text,
  updated_by text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (account_id, source)
);
CREATE INDEX articles_page ON articles (account_id, created_at, id);

CREATE TABLE article_versions (
  article_id uuid NOT NULL REFERENCES articles ON DELETE CASCADE,
  version integer NOT NULL,
  account_id uuid NOT NULL,
  title text NOT NULL,
  body text NOT NULL,
  language text,
  visibility text NOT NULL,
  saved_by text,
  saved_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (article_id, version)
);

-- Passages of the articles' newest versions, replaced in the transaction that saves an article. `config`: the text search
-- configuration of `words`. `signature`: the signs of `vector`, which has a signed byte for each dimension.
CREATE TABLE article_chunks (
  article_id uuid NOT NULL REFERENCES articles ON DELETE CASCADE,
  ordinal integer NOT NULL,
  account_id uuid NOT NULL,
  visibility text NOT NULL,
  heading text NOT NULL,
  content text NOT NULL,
  config text NOT NULL,
  words tsvector NOT NULL,
  model text NOT NULL,
  signature bit(256) NOT NULL,
  vector bytea NOT NULL,
  PRIMARY KEY (article_id, ordinal)
);
CREATE INDEX article_chunks_words ON article_chunks USING gin (account_id, words);
CREATE INDEX article_chunks_account ON article_chunks (account_id);

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['articles', 'article_versions', 'article_chunks'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own_account ON %I TO tertulia_app USING (account_id = (SELECT current_account()))
                    WITH CHECK (account_id = (SELECT current_account()))', t);
    EXECUTE format('CREATE POLICY system_work ON %I TO tertulia_system USING (true) WITH CHECK (true)', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO tertulia_system', t);
  END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON articles TO tertulia_app;
GRANT SELECT, INSERT, DELETE ON article_versions, article_chunks TO tertulia_app;

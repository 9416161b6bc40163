-- The knowledge base (assistance/articles.py).


-- name: article_columns
-- Columns of an Article, in the order of its fields.
a.id::text, a.account_id::text, a.title, a.body, a.language, a.visibility, a.source, a.version, a.created_by, a.updated_by,
(extract(epoch FROM a.created_at) * 1000)::bigint, (extract(epoch FROM a.updated_at) * 1000)::bigint


-- name: article_lock
-- Let one article of an account be added at a time, so that its bound holds.
-- $1 text account
SELECT pg_advisory_xact_lock(hashtextextended('articles:' || $1, 0))


-- name: articles_count
-- How many articles an account has.
-- $1 uuid account
SELECT count(*) FROM articles WHERE account_id = $1


-- name: article_add
-- Add an article.
-- $1 uuid id, $2 uuid account, $3 text title, $4 text body, $5 text language, $6 text visibility, $7 text source, $8 text author
INSERT INTO articles AS a (id, account_id, title, body, language, visibility, source, version, created_by, updated_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8) RETURNING {{columns}}


-- name: article_change
-- Save an article's next version.
-- $1 uuid id, $2 text title, $3 text body, $4 text language, $5 text visibility, $6 text author
UPDATE articles a SET title = $2, body = $3, language = $4, visibility = $5, updated_by = $6, updated_at = now(),
  version = a.version + 1
WHERE a.id = $1 RETURNING {{columns}}


-- name: article_version_add
-- Keep what an article says now, and forget what is older than the newest versions.
-- $1 uuid article, $2 integer how many versions are kept
WITH old AS (DELETE FROM article_versions v USING articles a
  WHERE a.id = $1 AND v.article_id = $1 AND v.version <= a.version - $2)
INSERT INTO article_versions (article_id, version, account_id, title, body, language, visibility, saved_by, saved_at)
SELECT a.id, a.version, a.account_id, a.title, a.body, a.language, a.visibility, a.updated_by, a.updated_at
FROM articles a WHERE a.id = $1


-- name: article_chunks_clear
-- Delete an article's passages.
-- $1 uuid article
DELETE FROM article_chunks WHERE article_id = $1


-- name: article_chunks_add
-- Add an article's passages. Titles and headings weigh more than what stands below them.
-- $1 uuid article, $2 text[] headings, $3 text[] contents, $4 text[] folded headings, $5 text[] folded contents, $6 text configuration, $7 text model,
-- $8 bytea[] vectors
INSERT INTO article_chunks (article_id, ordinal, account_id, visibility, heading, content, config, words, model, vector)
SELECT a.id, n.ordinal, a.account_id, a.visibility, n.heading, n.content, $6::text,
  setweight(to_tsvector($6::text::regconfig, n.folded_heading), 'B') || setweight(to_tsvector($6::text::regconfig, n.folded), 'D'),
  $7, n.vector
FROM articles a, unnest($2::text[], $3::text[], $4::text[], $5::text[], $8::bytea[])
  WITH ORDINALITY AS n (heading, content, folded_heading, folded, vector, ordinal)
WHERE a.id = $1


-- name: article_get
-- One article.
-- $1 uuid
SELECT {{columns}} FROM articles a WHERE a.id = $1


-- name: article_take
-- One article, locked for a change.
-- $1 uuid
SELECT {{columns}} FROM articles a WHERE a.id = $1 FOR UPDATE


-- name: article_of_source
-- The article that was imported from a place, locked for a change.
-- $1 uuid account, $2 text source
SELECT {{columns}} FROM articles a WHERE a.account_id = $1 AND a.source = $2 FOR UPDATE


-- name: article_delete
-- Delete an article with its versions and passages.
-- $1 uuid
DELETE FROM articles WHERE id = $1 RETURNING title


-- name: articles_page
-- A page of articles, oldest first, each row with its sort key in front; bodies are left out.
-- $1 uuid account, $2 text visibility or null, $3 text language or null, $4 text ILIKE pattern of the title or null, $5 bigint and $6 uuid: time
-- (µs) and id of the last row seen, or null, $7 limit
SELECT (extract(epoch FROM a.created_at) * 1000000)::bigint, a.id::text, a.account_id::text, a.title, '', a.language, a.visibility,
  a.source, a.version, a.created_by, a.updated_by, (extract(epoch FROM a.created_at) * 1000)::bigint,
  (extract(epoch FROM a.updated_at) * 1000)::bigint
FROM articles a WHERE a.account_id = $1 AND ($2::text IS NULL OR a.visibility = $2) AND ($3::text IS NULL OR a.language = $3)
  AND ($4::text IS NULL OR a.title ILIKE $4)
  AND ($5::bigint IS NULL OR (a.created_at, a.id) > (to_timestamp($5 / 1000000.0), $6::uuid))
ORDER BY a.created_at, a.id LIMIT $7


-- name: article_versions
-- What an article has said, newest first.
-- $1 uuid article, $2 limit
SELECT v.version, v.title, v.body, v.language, v.visibility, v.saved_by, (extract(epoch FROM v.saved_at) * 1000)::bigint
FROM article_versions v WHERE v.article_id = $1 ORDER BY v.version DESC LIMIT $2


-- name: passage_columns
-- Columns of a found passage.
k.article_id::text, k.ordinal, a.title, k.heading, k.content, a.language, k.visibility, k.vector


-- name: passages_by_words
-- The passages that share words with a question, best first.
-- $1 uuid account, $2 boolean public ones only, $3 text[] configurations, $4 text the question's words with | between them, $5 limit
SELECT {{columns}} FROM unnest($3::text[]) AS c (config)
CROSS JOIN LATERAL (SELECT to_tsquery(c.config::regconfig, $4) AS query) AS q
JOIN article_chunks k ON k.account_id = $1 AND k.config = c.config AND k.words @@ q.query AND (NOT $2 OR k.visibility = 'public')
JOIN articles a ON a.id = k.article_id
ORDER BY ts_rank(k.words, q.query, 1) DESC, k.article_id, k.ordinal LIMIT $5


-- name: passages_near
-- The passages whose vectors are nearest to a question's by an estimate of the cosine: what the question adds for each of a passage's signs,
-- over the square root of their number. With no more passages than the limit, all of them. article_chunks_signs has all that the scan needs.
-- $1 uuid account, $2 boolean public ones only, $3 text model, $4, $5, $6 bit planes of what is added, 3 too much, the lowest first, $7 limit
SELECT k.article_id, k.ordinal, k.vector FROM (
  SELECT article_id, ordinal FROM article_chunks WHERE account_id = $1 AND model = $3 AND (NOT $2 OR visibility = 'public')
  ORDER BY (bit_count(signs & $4) + 2 * bit_count(signs & $5) + 4 * bit_count(signs & $6) - 3 * bit_count(signs))
    / sqrt(bit_count(signs) + 1) DESC, article_id, ordinal LIMIT $7) AS n
JOIN article_chunks k USING (article_id, ordinal)


-- name: passages_of
-- Passages by their places, in the order of the arrays.
-- $1 uuid[] articles, $2 integer[] ordinals
SELECT {{columns}} FROM unnest($1::uuid[], $2::integer[]) WITH ORDINALITY AS w (article_id, ordinal, rank)
JOIN article_chunks k ON k.article_id = w.article_id AND k.ordinal = w.ordinal
JOIN articles a ON a.id = k.article_id
ORDER BY w.rank


-- name: articles_public
-- Whether an account has articles that customers may read.
-- $1 uuid account
SELECT EXISTS (SELECT FROM articles WHERE account_id = $1 AND visibility = 'public')

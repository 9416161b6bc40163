-- A vector's signs leave out the dimensions about zero, which the signature counts as below it: a third of a hashed vector.
-- The signature stays for processes of the version before, which still read and write it.
-- Compatible from: 0045

CREATE FUNCTION vector_signs(vector bytea) RETURNS bit IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
  WITH v AS (SELECT i, (get_byte(vector, i) + 128) % 256 - 128 AS value FROM generate_series(0, length(vector) - 1) AS i),
  far AS (SELECT 0.8 * sqrt(avg(value * value)) AS least FROM v)
  SELECT (string_agg(CASE WHEN value > least THEN '1' ELSE '0' END, '' ORDER BY i)
       || string_agg(CASE WHEN value < -least THEN '1' ELSE '0' END, '' ORDER BY i))::bit(512) FROM v, far
$$;
REVOKE EXECUTE ON FUNCTION vector_signs(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vector_signs(bytea) TO tertulia_app, tertulia_system;

ALTER TABLE article_chunks ADD COLUMN signs bit(512) GENERATED ALWAYS AS (vector_signs(vector)) STORED;
ALTER TABLE article_chunks ALTER COLUMN signature DROP NOT NULL;
CREATE INDEX article_chunks_signs ON article_chunks (account_id, model) INCLUDE (visibility, article_id, ordinal, signs);
DROP INDEX article_chunks_account;

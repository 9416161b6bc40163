-- Who owns what, in the order of partitions.
SELECT p.id, h.name, h.incarnation::text FROM partitions p LEFT JOIN hosts h ON h.incarnation = p.owner ORDER BY p.id

-- Who owns what, in the order of partitions.
SELECT h.name, h.incarnation::text, h.address, h.port
FROM partitions p LEFT JOIN hosts h ON h.incarnation = p.owner ORDER BY p.id

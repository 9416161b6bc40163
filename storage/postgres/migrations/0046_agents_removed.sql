-- Admins may remove agents: their preferences and memberships go with them.
-- Compatible from: 0045

GRANT DELETE ON agents TO tertulia_app;

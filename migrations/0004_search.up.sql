-- Substring search. One expression instead of three indexes: the query then
-- needs no OR, and the newlines keep a match from crossing fields.
--
-- fastupdate collects new entries in a list and sorts them in in bulk, which
-- keeps the price of a report's insert near that of an append; the limit below
-- bounds the list a search has to read beside the index.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE INDEX reports_search ON reports
    USING gin ((tracking_id || E'\n' || title || E'\n' || description) gin_trgm_ops)
    WITH (fastupdate = on, gin_pending_list_limit = 4096);

-- What continuous backups need.

-- The query for the pictures of the last minutes, every few seconds.
CREATE INDEX pictures_by_creation ON pictures (created_at);

-- A heartbeat, written every minute. It shows how much a restored database lacks,
-- even when there was no other work, and gives recovery to a point in time a commit
-- to stop at.
CREATE TABLE backup_beat (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    at  timestamptz NOT NULL
) WITH (fillfactor = 10);
INSERT INTO backup_beat (at) VALUES (now());

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'bugspark_backup') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO bugspark_backup', current_schema());
        GRANT SELECT, UPDATE ON backup_beat TO bugspark_backup;
    END IF;
END $$;

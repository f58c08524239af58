-- When the row of a picture was made that is gone: a picture that came and went
-- between two rounds of the archive is named by its WAL, and belongs into it. Null is
-- one that went before there was this column.
ALTER TABLE object_tombstones ADD COLUMN created_at timestamptz;
CREATE INDEX object_tombstones_by_creation ON object_tombstones (created_at);

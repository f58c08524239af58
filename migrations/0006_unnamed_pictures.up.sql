-- Pictures that no report names are looked for among a project's of the last day. The
-- new index begins with the column of the old one, which it replaces.
CREATE INDEX pictures_of_project ON pictures (project_id, created_at);
DROP INDEX pictures_project;

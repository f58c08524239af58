-- Projects, their members, and the pictures uploaded for them.

CREATE TABLE projects (
    id             uuid PRIMARY KEY,
    owner_id       uuid NOT NULL REFERENCES accounts,
    name           text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 255),
    domain         text NOT NULL DEFAULT '' CHECK (char_length(domain) <= 1024),
    api_key_hash   text NOT NULL UNIQUE,
    api_key_prefix text NOT NULL,
    -- json, not jsonb: the text is kept as it was sent, and no query reads its members.
    settings       json NOT NULL DEFAULT '{}' CHECK (json_typeof(settings) = 'object'),
    is_active      boolean NOT NULL DEFAULT true,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX projects_owner ON projects (owner_id);

-- The owner has no row here. An invitation is a row without accepted_at.
CREATE TABLE project_members (
    id          uuid PRIMARY KEY,
    project_id  uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    account_id  uuid REFERENCES accounts ON DELETE CASCADE,
    email       text NOT NULL CHECK (email = lower(email)),
    role        text NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
    accepted_at timestamptz CHECK (accepted_at IS NULL OR account_id IS NOT NULL),
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (project_id, email),
    UNIQUE (project_id, account_id)
);
CREATE INDEX project_members_account ON project_members (account_id);

-- The last number given to a report. It is not a column of projects because every
-- batch of reports rewrites the row, which should be small. The lock on the row is
-- also the project's write lock: batches, edits and deletions take it first.
CREATE TABLE report_counters (
    project_id  uuid PRIMARY KEY REFERENCES projects ON DELETE CASCADE,
    last_number integer NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Objects that were uploaded, whether a report names them yet or not. No
-- cascade from projects: the key must go to object_tombstones first.
CREATE TABLE pictures (
    key          text PRIMARY KEY,
    project_id   uuid NOT NULL REFERENCES projects,
    content_type text NOT NULL,
    size         bigint NOT NULL CHECK (size >= 0),
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX pictures_project ON pictures (project_id);

-- Objects whose row is gone. They are removed after delete_after, so that a
-- backup of the rows taken earlier still finds them.
CREATE TABLE object_tombstones (
    key          text PRIMARY KEY,
    delete_after timestamptz NOT NULL
);
CREATE INDEX object_tombstones_due ON object_tombstones (delete_after);

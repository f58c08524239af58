-- Reports. Each index slows down every insert; its comment says which query needs it.
--
-- There is no trigram index for the search. On titles and descriptions of 110
-- characters it took 30 of the 75 microseconds the server spends on a report,
-- and a description may be a hundred times as long. A search reads the project
-- newest first and stops when the page is full. Should that become too slow,
-- the place for an index is a table of its own, filled after the fact.

-- Enumerations sort in the order of their declaration.
CREATE TYPE report_severity AS ENUM ('low', 'medium', 'high', 'critical');
CREATE TYPE report_category AS ENUM ('bug', 'ui', 'performance', 'crash', 'other');
CREATE TYPE report_status AS ENUM ('new', 'triaging', 'in_progress', 'resolved', 'closed');

CREATE TABLE reports (
    id                       uuid PRIMARY KEY,
    project_id               uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    number                   integer NOT NULL,
    -- The CASE is needed because lpad shortens longer numbers.
    tracking_id              text NOT NULL GENERATED ALWAYS AS
                             ('BUG-' || CASE WHEN number < 10000 THEN lpad(number::text, 4, '0') ELSE number::text END) STORED,
    severity                 report_severity NOT NULL,
    category                 report_category NOT NULL,
    status                   report_status NOT NULL DEFAULT 'new',
    console_logs_included    boolean NOT NULL,
    fingerprint_window       integer NOT NULL,
    created_at               timestamptz NOT NULL,
    updated_at               timestamptz NOT NULL,
    resolved_at              timestamptz,
    assignee_id              uuid REFERENCES accounts ON DELETE SET NULL,
    title                    text NOT NULL CHECK (char_length(title) BETWEEN 1 AND 500),
    description              text NOT NULL CHECK (char_length(description) <= 10000),
    reporter_identifier      text CHECK (char_length(reporter_identifier) <= 255),
    screenshot_key           text,
    annotated_screenshot_key text,
    fingerprint              bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    evidence                 bytea NOT NULL,
    -- Sorting by tracking id uses the number.
    UNIQUE (project_id, number)
);

-- The API compresses it, so PostgreSQL must not try again.
ALTER TABLE reports ALTER COLUMN evidence SET STORAGE EXTERNAL;

-- The list of a project, newest first, and the date ranges.
CREATE INDEX reports_by_creation ON reports (project_id, created_at, id);

-- The list of chosen statuses and severities: one short probe for each pair.
CREATE INDEX reports_by_triage ON reports (project_id, status, severity, created_at, id);

-- The list by last change.
CREATE INDEX reports_by_change ON reports (project_id, updated_at, id);

-- The five-minute duplicate rule. The window (five-minute steps since the
-- epoch) comes first so that new entries stay together at the right edge;
-- by fingerprint alone every insert would dirty a random page.
CREATE INDEX reports_by_fingerprint ON reports (fingerprint_window, fingerprint);

CREATE INDEX reports_assignee ON reports (assignee_id) WHERE assignee_id IS NOT NULL;

-- Counts of reports, so that a list's total need not count rows. The statements that
-- write reports maintain it, under the project's lock.
CREATE TABLE report_tallies (
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    day        date NOT NULL, -- of created_at, in UTC; -infinity: all days together
    status     report_status NOT NULL,
    severity   report_severity NOT NULL,
    reports    integer NOT NULL CHECK (reports >= 0),
    PRIMARY KEY (project_id, day, status, severity)
) WITH (fillfactor = 50);

-- Which reports name a picture; one without a row here is unreferenced.
CREATE TABLE report_pictures (
    key       text NOT NULL REFERENCES pictures ON DELETE CASCADE,
    report_id uuid NOT NULL REFERENCES reports ON DELETE CASCADE,
    PRIMARY KEY (key, report_id)
);
CREATE INDEX report_pictures_report ON report_pictures (report_id);

-- The activity log: one row per edit, changes as {"field": [before, after]}.
CREATE TABLE report_events (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report_id  uuid NOT NULL REFERENCES reports ON DELETE CASCADE,
    actor_id   uuid REFERENCES accounts ON DELETE SET NULL, -- null: the system
    changes    jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX report_events_report ON report_events (report_id, id);

-- Accounts, sessions and access tokens. Secrets are stored as SHA-256 in lower-case
-- hexadecimal: they are long and random, so a slow hash would add nothing.

-- The API's own role may only read and write rows. It does not exist where the
-- customer's database gives us a single role.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'bugspark_api') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO bugspark_api', current_schema());
        EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO bugspark_api', current_schema());
        EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT USAGE ON SEQUENCES TO bugspark_api', current_schema());
        -- Made by golang-migrate before this file ran; the API reads the version.
        GRANT SELECT ON schema_migrations TO bugspark_api;
    END IF;
END $$;

CREATE TABLE accounts (
    id                       uuid PRIMARY KEY,
    email                    text NOT NULL UNIQUE CHECK (email = lower(email) AND char_length(email) BETWEEN 3 AND 255),
    name                     text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 255),
    password_hash            text NOT NULL,
    is_superadmin            boolean NOT NULL DEFAULT false,
    is_active                boolean NOT NULL DEFAULT true,
    must_change_password     boolean NOT NULL DEFAULT false,
    notification_preferences jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(notification_preferences) = 'object'),
    created_at               timestamptz NOT NULL DEFAULT now(),
    updated_at               timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sessions (
    id         uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    address    text NOT NULL DEFAULT '',
    user_agent text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_account ON sessions (account_id);

-- One row per rotation. A replaced pair stays valid for thirty seconds. Two tabs that
-- refresh with the same pair at once each get a new pair; both are valid, because the
-- browser keeps the one that arrives last.
CREATE TABLE session_secrets (
    refresh_hash text PRIMARY KEY,
    access_hash  text NOT NULL UNIQUE,
    session_id   uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
    access_until timestamptz NOT NULL,
    replaced_at  timestamptz
);
CREATE INDEX session_secrets_session ON session_secrets (session_id);

CREATE TABLE access_tokens (
    id           uuid PRIMARY KEY,
    account_id   uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    name         text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 255),
    hash         text NOT NULL UNIQUE,
    prefix       text NOT NULL,
    last_used_at timestamptz,
    expires_at   timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX access_tokens_account ON access_tokens (account_id, created_at);

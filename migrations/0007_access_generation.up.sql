-- How often all access to an account was ended: by a new password, or by disabling it.
-- A request that checked a password or a session compares it before it gives out
-- anything that lasts. The hash alone would not tell an account that was disabled and
-- enabled again from one that was left alone.
ALTER TABLE accounts ADD COLUMN access_generation bigint NOT NULL DEFAULT 0;

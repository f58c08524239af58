package tracker

import "time"

// Account is a person who may sign in.
type Account struct {
	ID                      string
	Email                   string // stored lower-case, compared case-insensitively
	Name                    string
	PasswordHash            string // Argon2id, or bcrypt from an import
	IsSuperadmin            bool
	IsActive                bool
	MustChangePassword      bool // the one-time password of setup or a reset
	NotificationPreferences map[string]bool
	CreatedAt               time.Time
}

// Viewer is the account on whose behalf something is read.
type Viewer struct {
	AccountID    string
	IsSuperadmin bool
}

// Session is one dashboard sign-in. Only hashes of its secrets are stored.
type Session struct {
	ID        string
	AccountID string
	CreatedAt time.Time
	SeenAt    time.Time
	ExpiresAt time.Time

	// AccessUntil is when the access secret ends; the refresh secret lasts until
	// ExpiresAt. Lists leave it zero.
	AccessUntil time.Time

	Address   string
	UserAgent string
}

// AccessToken is a personal token for scripts and the CLI.
type AccessToken struct {
	ID         string
	AccountID  string
	Name       string
	Prefix     string // the first 16 characters
	LastUsedAt *time.Time
	ExpiresAt  *time.Time
	CreatedAt  time.Time
}

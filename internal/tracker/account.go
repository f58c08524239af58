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

	// AccessGeneration is how often all access to the account was ended. Whoever
	// compares it later knows whether what was checked before still counts.
	AccessGeneration int64
}

// Validate returns FieldErrors, or nil.
func (a Account) Validate() error { return join(checkEmail(a.Email), checkName(a.Name)) }

// ProfileChange is what people change of their own account; nil members stay as
// they are.
type ProfileChange struct {
	Name                    *string
	NotificationPreferences map[string]bool
}

// Validate returns FieldErrors, or nil.
func (c ProfileChange) Validate() error {
	var preferences *Error
	if len(c.NotificationPreferences) > MaxPreferences {
		preferences = invalid("notification_preferences", "must be an object of true and false")
	}
	return join(checkOptional("name", c.Name, 1, MaxName), preferences)
}

// AccountChange is what an administrator changes of an account; nil members stay as
// they are.
type AccountChange struct {
	IsSuperadmin *bool
	IsActive     *bool
}

// AccountFilter selects a page of accounts.
type AccountFilter struct {
	ID           string // "" is all
	Search       string // literal, case-insensitive: address, name
	IsSuperadmin *bool
	Page         int // from 1
	PageSize     int // 0 is all
}

// AccountSummary is an account as administrators list it.
type AccountSummary struct {
	Account
	UpdatedAt        time.Time
	SeenAt           *time.Time // the last use of a session or a token that there still is
	Projects         int        // active ones it owns
	ReportsThisMonth int        // of all it owns, in UTC
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

// CLITokenName is the name of the tokens that the command-line client's sign-ins make.
const CLITokenName = "BugSpark CLI"

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

// Validate returns FieldErrors, or nil.
func (t AccessToken) Validate() error { return join(checkName(t.Name)) }

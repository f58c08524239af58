package httpapi

import (
	"context"
	"time"

	"github.com/bugspark/bugspark/internal/tracker"
)

// Reports keeps reports and the pictures they name.
type Reports interface {
	// CreateReport stores r durably: it returns after the commit. When the same
	// fingerprint was stored in this project within the last five minutes it
	// returns that report and created is false. The same submission id in the same
	// project is the same report for ever: then the result has its identity, and is
	// otherwise r.
	CreateReport(ctx context.Context, r tracker.NewReport) (report tracker.Report, created bool, err error)
	Report(ctx context.Context, id string) (tracker.Report, error)
	ListReports(ctx context.Context, f tracker.ReportFilter) (tracker.ReportPage, error)
	ChangeReport(ctx context.Context, id string, c tracker.ReportChange) (tracker.Report, error)

	// DeleteReport deletes the row now and schedules the objects of its pictures for
	// deletion 72 hours later, so that the objects of a backup's rows still exist.
	DeleteReport(ctx context.Context, id string) error

	// AddPicture records an uploaded object that no report names yet.
	ExpectPicture(ctx context.Context, key string) error
	AddPicture(ctx context.Context, projectID, key, contentType string, size int64) error
	// UnnamedBytes are those of the project's pictures that no report names yet.
	UnnamedBytes(ctx context.Context, projectID string) (int64, error)
	// PictureBelongs reports whether key was uploaded for this project.
	PictureBelongs(ctx context.Context, projectID, key string) (bool, error)
}

// Projects keeps projects and their API keys. Only SHA-256 hashes (lower-case
// hexadecimal) of keys are stored.
type Projects interface {
	CreateProject(ctx context.Context, p tracker.NewProject, keyHash, keyPrefix string) (tracker.Project, error)
	// Project returns the project with the viewer's role in it (RoleNone if the
	// viewer may not see it; owner for a superadmin).
	Project(ctx context.Context, v tracker.Viewer, id string) (tracker.Project, error)
	// ListProjects returns the projects the viewer may see, oldest first: the active
	// ones, and with inactive the others too.
	ListProjects(ctx context.Context, v tracker.Viewer, inactive bool) ([]tracker.Project, error)
	ChangeProject(ctx context.Context, id string, c tracker.ProjectChange) (tracker.Project, error)
	DeleteProject(ctx context.Context, id string) error
	RotateKey(ctx context.Context, id, keyHash, keyPrefix string) (tracker.Project, error)
	// Usage counts an account's own active projects, and the reports since then of all
	// its own projects.
	Usage(ctx context.Context, accountID string, since time.Time) (tracker.Usage, error)
	// ProjectByKey returns the project with that key hash, active or not.
	ProjectByKey(ctx context.Context, keyHash string) (tracker.Project, error)
}

// Accounts keeps people, their sessions and their tokens. Secrets arrive as
// SHA-256 hashes (lower-case hexadecimal), passwords already hashed.
type Accounts interface {
	AccountByEmail(ctx context.Context, email string) (tracker.Account, error)
	Account(ctx context.Context, id string) (tracker.Account, error)
	UpdateProfile(ctx context.Context, id string, c tracker.ProfileChange) (tracker.Account, error)
	// ListAccounts returns a page of accounts, and how many match in all.
	ListAccounts(ctx context.Context, f tracker.AccountFilter) ([]tracker.AccountSummary, int, error)
	// ChangeAccount edits role and state; disabling ends sessions and tokens at once,
	// and the last active superadmin is Refused.
	ChangeAccount(ctx context.Context, id string, c tracker.AccountChange) (tracker.Account, error)
	// SetPassword stores the hash, clears MustChangePassword, and ends every
	// session of the account but keepSession ("" keeps none) and the tokens of the
	// command-line client's sign-ins. Other tokens stay. This method and those that make
	// sessions and tokens take the account as it was when its credentials were checked,
	// and are NotFound when something ended all access to it since.
	SetPassword(ctx context.Context, checked tracker.Account, passwordHash, keepSession string) error

	// CreateSession signs in until s.ExpiresAt. The access secret is good until
	// s.AccessUntil; zero means as long as the session.
	CreateSession(ctx context.Context, checked tracker.Account, s tracker.Session, accessHash, refreshHash string) (tracker.Session, error)
	SessionByAccess(ctx context.Context, accessHash string) (tracker.Session, tracker.Account, error)
	// RotateSession swaps both secrets. The previous refresh secret stays good
	// for thirty seconds, so that two tabs may refresh at once.
	RotateSession(ctx context.Context, refreshHash, newAccessHash, newRefreshHash string, accessUntil, expires time.Time) (tracker.Session, tracker.Account, error)
	EndSession(ctx context.Context, id string) error
	Sessions(ctx context.Context, accountID string) ([]tracker.Session, error)

	CreateToken(ctx context.Context, checked tracker.Account, name, hash, prefix string, expires *time.Time) (tracker.AccessToken, error)
	// CreateCLIToken makes the token of a sign-in of the command-line client, and room
	// for it: of those, the ones unused for longest go.
	CreateCLIToken(ctx context.Context, checked tracker.Account, hash, prefix string, expires time.Time) (tracker.AccessToken, error)
	Tokens(ctx context.Context, accountID string) ([]tracker.AccessToken, error)
	DeleteToken(ctx context.Context, accountID, id string) error
	// AccountByToken returns the active account of an unexpired token and notes
	// its use at most once a minute.
	AccountByToken(ctx context.Context, hash string) (tracker.Account, error)
}

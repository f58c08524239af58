package tracker

import (
	"encoding/json"
	"time"
)

// Project collects the reports of one web site.
type Project struct {
	ID           string
	OwnerID      string
	Name         string
	Domain       string // comma-separated hosts allowed to send reports; empty allows all
	APIKeyPrefix string // the first 12 characters
	IsActive     bool
	Settings     json.RawMessage // a JSON object; unknown keys survive
	CreatedAt    time.Time
	Role         Role // the viewer's, where a viewer asked
	ReportCount  int
}

// Usage is what an account owns.
type Usage struct {
	Projects int // active ones
	Reports  int // of all of them
}

// NewProject is a project to be created.
type NewProject struct {
	OwnerID string
	Name    string
	Domain  string
}

// Validate returns FieldErrors, or nil.
func (p NewProject) Validate() error {
	return join(checkName(p.Name), checkText("domain", p.Domain, 0, MaxDomain))
}

// ProjectChange is an edit; nil members stay as they are.
type ProjectChange struct {
	Name     *string
	Domain   *string
	IsActive *bool
	Settings json.RawMessage // replaces the whole object
}

// Validate returns FieldErrors, or nil.
func (c ProjectChange) Validate() error {
	return join(
		checkOptional("name", c.Name, 1, MaxName),
		checkOptional("domain", c.Domain, 0, MaxDomain),
		checkSettings(c.Settings),
	)
}

func checkSettings(settings json.RawMessage) *Error {
	if settings == nil {
		return nil
	}
	var object map[string]json.RawMessage
	switch {
	case json.Unmarshal(settings, &object) != nil || object == nil:
		return invalid("settings", "must be an object")
	case len(settings) > MaxSettings:
		return invalid("settings", "must have at most %d KiB", MaxSettings>>10)
	}
	return nil
}

// Role is what an account may do in a project; each includes the ones before.
type Role string

// The roles, weakest first. RoleNone may not see the project.
const (
	RoleNone   Role = ""
	RoleViewer Role = "viewer"
	RoleEditor Role = "editor"
	RoleAdmin  Role = "admin"
	RoleOwner  Role = "owner"
)

// Allows reports whether r includes the rights of need.
func (r Role) Allows(need Role) bool { return rank(r) >= rank(need) && rank(r) > 0 }

func rank(r Role) int {
	switch r {
	case RoleViewer:
		return 1
	case RoleEditor:
		return 2
	case RoleAdmin:
		return 3
	case RoleOwner:
		return 4
	default:
		return 0
	}
}

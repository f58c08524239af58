package httpapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/bugspark/bugspark/internal/tracker"
)

const keyPrefix = "bsk_pub_"

// projectView is a project as clients see it.
type projectView struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Domain      string          `json:"domain"`
	APIKey      string          `json:"apiKey"` // whole on creation and rotation, else masked
	IsActive    bool            `json:"isActive"`
	CreatedAt   time.Time       `json:"createdAt"`
	Settings    json.RawMessage `json:"settings"`
	Role        tracker.Role    `json:"role,omitempty"`
	ReportCount int             `json:"reportCount"`
	OwnerID     string          `json:"ownerId"`
}

func newProjectView(p tracker.Project, key string) projectView {
	if key == "" {
		key = p.APIKeyPrefix + "..."
	}
	settings := p.Settings
	if isNull(settings) {
		settings = json.RawMessage("{}")
	}
	return projectView{p.ID, p.Name, p.Domain, key, p.IsActive, p.CreatedAt.UTC(), settings, p.Role, p.ReportCount, p.OwnerID}
}

func newKey() (string, error) {
	key, err := newSecret(keyPrefix, 48)
	return key + "=", err
}

func (a *API) createProject(w http.ResponseWriter, r *http.Request) error {
	f, err := decode(r)
	if err != nil {
		return err
	}
	n := tracker.NewProject{OwnerID: callerOf(r).account.ID, Name: required(f, "name", f.text("name")), Domain: optional(f.text("domain"))}
	if err := f.err(n.Validate()); err != nil {
		return err
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	p, err := a.Store.CreateProject(r.Context(), n, digest(key), key[:12])
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, newProjectView(p, key))
	return nil
}

// listProjects lists the active projects, and with ?include_inactive=true, which no
// published client sends, those too that their owners have switched off.
func (a *API) listProjects(w http.ResponseWriter, r *http.Request) error {
	projects, err := a.Store.ListProjects(r.Context(), callerOf(r).viewer(), r.URL.Query().Get("include_inactive") == "true")
	if err != nil {
		return err
	}
	out := make([]projectView, len(projects))
	for i, p := range projects {
		out[i] = newProjectView(p, "")
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// projectOf reads the path's project for a caller with at least that role.
func (a *API) projectOf(r *http.Request, need tracker.Role) (tracker.Project, error) {
	id, err := pathID(r)
	if err != nil {
		return tracker.Project{}, err
	}
	return a.authorize(r, id, need)
}

func (a *API) getProject(w http.ResponseWriter, r *http.Request) error {
	p, err := a.projectOf(r, tracker.RoleViewer)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, newProjectView(p, ""))
	return nil
}

func (a *API) changeProject(w http.ResponseWriter, r *http.Request) error {
	p, err := a.projectOf(r, tracker.RoleAdmin)
	if err != nil {
		return err
	}
	f, err := decode(r)
	if err != nil {
		return err
	}
	c := tracker.ProjectChange{Name: f.text("name"), Domain: f.text("domain"), IsActive: f.boolean("is_active")}
	if c.IsActive != nil && *c.IsActive != p.IsActive && !p.Role.Allows(tracker.RoleOwner) {
		return tracker.Errorf(tracker.Forbidden, "only the owner of a project turns it off or on")
	}
	if v, ok := f.get("settings"); ok && !isNull(v) {
		c.Settings = v
	}
	if err := f.err(c.Validate()); err != nil {
		return err
	}
	changed, err := a.Store.ChangeProject(r.Context(), p.ID, c)
	if err != nil {
		return err
	}
	a.keys.forget()
	changed.Role = p.Role
	writeJSON(w, http.StatusOK, newProjectView(changed, ""))
	return nil
}

// deleteProject deactivates, which stops the key and keeps everything, or with
// ?permanent=true deletes the project with its reports and pictures.
func (a *API) deleteProject(w http.ResponseWriter, r *http.Request) error {
	p, err := a.projectOf(r, tracker.RoleOwner)
	if err != nil {
		return err
	}
	if slices.Contains([]string{"true", "True", "1", "yes", "on"}, r.URL.Query().Get("permanent")) {
		err = a.Store.DeleteProject(r.Context(), p.ID)
	} else {
		off := false
		_, err = a.Store.ChangeProject(r.Context(), p.ID, tracker.ProjectChange{IsActive: &off})
	}
	if err != nil {
		return err
	}
	a.keys.forget()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *API) rotateKey(w http.ResponseWriter, r *http.Request) error {
	p, err := a.projectOf(r, tracker.RoleOwner)
	if err != nil {
		return err
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	changed, err := a.Store.RotateKey(r.Context(), p.ID, digest(key), key[:12])
	if err != nil {
		return err
	}
	a.keys.forget()
	changed.Role = p.Role
	writeJSON(w, http.StatusOK, newProjectView(changed, key))
	return nil
}

package httpapi

import (
	"encoding/json"
	"net/http"
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
	name := f.required("name", 1, 255)
	domain := f.text("domain", 0, 1024)
	if err := f.err(); err != nil {
		return err
	}
	if domain == nil {
		domain = new(string)
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	p, err := a.Store.CreateProject(r.Context(), who(r).account.ID, name, *domain, digest(key), key[:12])
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, newProjectView(p, key))
	return nil
}

func (a *API) listProjects(w http.ResponseWriter, r *http.Request) error {
	projects, err := a.Store.ListProjects(r.Context(), who(r).viewer())
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
	return a.mayIn(r, id, need)
}

func (a *API) getProject(w http.ResponseWriter, r *http.Request) error {
	p, err := a.projectOf(r, tracker.RoleViewer)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, newProjectView(p, ""))
	return nil
}

// maxSettings bounds a project's settings object.
const maxSettings = 10 << 10

func (a *API) changeProject(w http.ResponseWriter, r *http.Request) error {
	p, err := a.projectOf(r, tracker.RoleAdmin)
	if err != nil {
		return err
	}
	f, err := decode(r)
	if err != nil {
		return err
	}
	name, domain, active := f.text("name", 1, 255), f.text("domain", 0, 1024), f.boolean("is_active")
	var settings json.RawMessage
	if v, ok := f.get("settings"); ok && !isNull(v) {
		var object map[string]json.RawMessage
		if json.Unmarshal(v, &object) != nil {
			f.problem("settings", "must be an object")
		} else if len(v) > maxSettings {
			f.problem("settings", "must have at most %d KiB", maxSettings>>10)
		}
		settings = v
	}
	if err := f.err(); err != nil {
		return err
	}
	changed, err := a.Store.ChangeProject(r.Context(), p.ID, name, domain, settings, active)
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
	if r.URL.Query().Get("permanent") == "true" {
		err = a.Store.DeleteProject(r.Context(), p.ID)
	} else {
		off := false
		_, err = a.Store.ChangeProject(r.Context(), p.ID, nil, nil, nil, &off)
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

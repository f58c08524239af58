package assembly

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
	"github.com/bugspark/bugspark/internal/tracker/widget"
)

func (p *Parts) widget() (*widget.Widget, error) {
	return widget.New(widget.Options{Version: p.Version})
}

// Snippet is what a page of a project needs to show the widget.
type Snippet struct {
	Project tracker.Project
	// Whole is whether Text has the project's whole key, which is stored as a hash only.
	Whole bool
	Text  string
	widget.Manifest
	Policy []string // directives of a Content-Security-Policy
}

// WidgetSnippet makes the snippet of a project, which is named by its id, its name or the
// beginning of its key; with a key, of the key's project. "" is the only project.
func (p *Parts) WidgetSnippet(ctx context.Context, project, key string, pinned bool) (Snippet, error) {
	if err := p.admit("sudo " + snippetCommand(project, key, pinned)); err != nil {
		return Snippet{}, err
	}
	w, err := p.widget()
	if err != nil {
		return Snippet{}, err
	}
	if pinned && w.Integrity() == "" {
		return Snippet{}, fault.New(fault.Failed, "install a released package, or run 'make build' in the source tree", "this bugspark was compiled without its widget")
	}
	s := Snippet{Whole: key != ""}
	err = p.WithStore(ctx, API, func(store *postgres.Store) error {
		projects, err := store.ListProjects(ctx, tracker.Viewer{IsSuperadmin: true}, false)
		if err != nil {
			return err
		}
		if key != "" {
			s.Project, err = projectWithKey(ctx, store, key)
			if err != nil || project == "" {
				return err
			}
			if !meant(s.Project, project) {
				return fault.New(fault.Usage, "bugspark widget snippet --key KEY", "the key is that of %q, and not of %q", s.Project.Name, project)
			}
			return nil
		}
		s.Project, err = p.chooseProject(projects, project)
		return err
	})
	if err != nil {
		return Snippet{}, err
	}
	if key == "" {
		key = s.Project.APIKeyPrefix + "…"
	}
	origin := p.Config.Server.PublicURL()
	s.Text, s.Policy = w.Snippet(origin, key, pinned), widget.Policy(origin)
	s.Manifest = w.Manifest()
	s.URL, s.PinnedURL = origin+s.URL, origin+s.PinnedURL
	return s, nil
}

// snippetCommand is the command line that asks for the same snippet.
func snippetCommand(project, key string, pinned bool) string {
	command := "bugspark widget snippet"
	if pinned {
		command += " --pinned"
	}
	if key != "" {
		command += " --key " + quoted(key)
	}
	if project != "" {
		command += " " + quoted(project)
	}
	return command
}

// quoted is a word for a shell, in single quotes where it needs them.
func quoted(word string) string {
	if strings.Trim(word, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_=.") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func projectWithKey(ctx context.Context, store *postgres.Store, key string) (tracker.Project, error) {
	sum := sha256.Sum256([]byte(key))
	found, err := store.ProjectByKey(ctx, hex.EncodeToString(sum[:]))
	if tracker.CodeOf(err) == tracker.NotFound || err == nil && !found.IsActive {
		return found, fault.New(fault.Failed, "compare it with the key in the page, or run 'bugspark widget snippet PROJECT' to see how the project's key begins",
			"no active project has this key")
	}
	return found, err
}

// chooseProject returns the one project that is meant.
func (p *Parts) chooseProject(projects []tracker.Project, named string) (tracker.Project, error) {
	if len(projects) == 0 {
		return tracker.Project{}, fault.New(fault.Failed, "make one in the dashboard, at "+p.Config.Server.PublicURL(), "there is no active project")
	}
	var found []tracker.Project
	for _, candidate := range projects {
		if named == "" || meant(candidate, named) {
			found = append(found, candidate)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	listed := found
	problem := "several projects are meant"
	if len(found) == 0 {
		listed, problem = projects, fmt.Sprintf("no active project has the id, the name or the key %q", named)
	} else if named != "" {
		problem = fmt.Sprintf("%d projects are named %q", len(found), named)
	}
	const most = 20
	var names []string
	for _, candidate := range listed[:min(len(listed), most)] {
		names = append(names, fmt.Sprintf("%s %q", candidate.ID, candidate.Name))
	}
	if len(listed) > most {
		names = append(names, fmt.Sprintf("and %d more", len(listed)-most))
	}
	return tracker.Project{}, fault.New(fault.Usage, "bugspark widget snippet "+listed[0].ID, "%s; there are: %s", problem, strings.Join(names, ", "))
}

func meant(p tracker.Project, named string) bool {
	return named == p.ID || strings.EqualFold(named, p.Name) || keyBegins(named, p.APIKeyPrefix)
}

// keyBegins reports whether text is a key, or enough of its beginning to know the project.
func keyBegins(text, prefix string) bool {
	return len(text) > len("bsk_pub_") && strings.HasPrefix(text, "bsk_pub_") && (strings.HasPrefix(text, prefix) || strings.HasPrefix(prefix, text))
}

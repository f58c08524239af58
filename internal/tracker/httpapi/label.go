package httpapi

import (
	"context"
	"net/http"

	"github.com/bugspark/bugspark/internal/tracker"
)

// Labels keeps the labels of projects.
type Labels interface {
	Labels(ctx context.Context, projectID string) ([]tracker.Label, error)
}

func (a *API) listLabels(w http.ResponseWriter, r *http.Request) error {
	p, err := a.authorize(r, r.PathValue("id"), tracker.RoleViewer)
	if err != nil {
		return err
	}
	labels, err := a.Store.Labels(r.Context(), p.ID)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, labels)
	return nil
}

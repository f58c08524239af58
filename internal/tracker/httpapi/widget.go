package httpapi

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// widgetView is the configuration that a widget reads once per page.
type widgetView struct {
	PrimaryColor           string  `json:"primaryColor"`
	ShowWatermark          bool    `json:"showWatermark"`
	EnableScreenshot       bool    `json:"enableScreenshot"`
	EnableSessionRecording bool    `json:"enableSessionRecording"`
	ModalTitle             *string `json:"modalTitle"`
	ButtonText             *string `json:"buttonText"`
	LogoURL                *string `json:"logoUrl"`
	OwnerPlan              string  `json:"ownerPlan"`
}

// newWidgetView reads a project's settings. Nothing checks their types when they are
// stored, so values of another type count as absent.
func newWidgetView(settings json.RawMessage) widgetView {
	v := widgetView{PrimaryColor: "#e94560", ShowWatermark: true, EnableScreenshot: true, EnableSessionRecording: true, OwnerPlan: "enterprise"}
	var s map[string]any
	if json.Unmarshal(settings, &s) != nil {
		return v
	}
	if color, ok := s["widgetColor"].(string); ok && strings.HasPrefix(color, "#") {
		v.PrimaryColor = color
	}
	for name, into := range map[string]*bool{"showWatermark": &v.ShowWatermark, "enableScreenshot": &v.EnableScreenshot, "enableSessionRecording": &v.EnableSessionRecording} {
		if b, ok := s[name].(bool); ok {
			*into = b
		}
	}
	for name, into := range map[string]**string{"modalTitle": &v.ModalTitle, "buttonText": &v.ButtonText} {
		if text, ok := s[name].(string); ok && text != "" {
			*into = &text
		}
	}
	if logo, ok := s["logoUrl"].(string); ok {
		if u, err := url.Parse(logo); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
			v.LogoURL = &logo
		}
	}
	return v
}

func (a *API) widgetConfig(w http.ResponseWriter, r *http.Request) error {
	p, err := a.projectOfKey(r)
	if err != nil {
		return err
	}
	body := newWidgetView(p.Settings)
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	w.Header().Set("Cache-Control", "private, max-age=60")
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	writeJSON(w, http.StatusOK, body)
	return nil
}

// consoleLogQuota always allows; there is no quota here. Published widgets wait for
// the answer before they open their form.
func (a *API) consoleLogQuota(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.projectOfKey(r); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{"remaining": 1_000_000, "limit": 1_000_000, "allowed": true})
	return nil
}

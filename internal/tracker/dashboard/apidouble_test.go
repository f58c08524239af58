package dashboard_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// apiDouble answers the endpoints the dashboard asks, from memory.
type apiDouble struct {
	mu       sync.Mutex
	password string
	must     bool
	in       bool
	projects []map[string]any
	reports  []map[string]any
	picture  []byte
}

func (a *apiDouble) handler() http.Handler {
	mux := http.NewServeMux()
	say := func(w http.ResponseWriter, status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Request-ID", "6f0b1c9e-0000-4000-8000-000000000001")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	user := func() map[string]any {
		return map[string]any{"id": "1", "email": "admin@localhost", "name": "Ada Admin", "role": "superadmin", "mustChangePassword": a.must}
	}
	h := func(pattern string, f func(w http.ResponseWriter, r *http.Request, body map[string]any)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			a.mu.Lock()
			defer a.mu.Unlock()
			var body map[string]any
			if !strings.Contains(r.URL.Path, "upload") {
				_ = json.NewDecoder(r.Body).Decode(&body)
			}
			open := strings.HasSuffix(r.URL.Path, "/login") || r.Header.Get("X-API-Key") != "" || strings.Contains(r.URL.Path, "/files/")
			if !open && !a.in {
				say(w, 401, map[string]any{"detail": "not signed in"})
				return
			}
			f(w, r, body)
		})
	}
	h("POST /api/v1/auth/login", func(w http.ResponseWriter, r *http.Request, b map[string]any) {
		if b["password"] != a.password {
			say(w, 401, map[string]any{"detail": "wrong"})
			return
		}
		a.in = true
		http.SetCookie(w, &http.Cookie{Name: "bugspark_csrf_token", Value: "abc", Path: "/", Secure: true})
		say(w, 200, user())
	})
	h("POST /api/v1/auth/refresh", func(w http.ResponseWriter, r *http.Request, b map[string]any) { say(w, 401, nil) })
	h("POST /api/v1/auth/logout", func(w http.ResponseWriter, r *http.Request, b map[string]any) { a.in = false; say(w, 200, nil) })
	h("GET /api/v1/auth/me", func(w http.ResponseWriter, r *http.Request, b map[string]any) { say(w, 200, user()) })
	h("PUT /api/v1/auth/me/password", func(w http.ResponseWriter, r *http.Request, b map[string]any) {
		if b["current_password"] != a.password {
			say(w, 400, map[string]any{"detail": "the current password is wrong"})
			return
		}
		a.password, a.must = b["new_password"].(string), false
		say(w, 200, map[string]any{"detail": "ok"})
	})
	h("GET /api/v1/projects", func(w http.ResponseWriter, r *http.Request, b map[string]any) {
		say(w, 200, append([]map[string]any{}, a.projects...))
	})
	h("POST /api/v1/projects", func(w http.ResponseWriter, r *http.Request, b map[string]any) {
		p := map[string]any{"id": fmt.Sprintf("00000000-0000-4000-8000-%012d", len(a.projects)+1), "name": b["name"], "domain": b["domain"],
			"apiKey": "bsk_pub_" + strings.Repeat("Ab3", 21) + "x=", "createdAt": time.Now()}
		a.projects = append(a.projects, p)
		say(w, 201, p)
	})
	h("POST /api/v1/upload/screenshot", func(w http.ResponseWriter, r *http.Request, b map[string]any) {
		f, _, err := r.FormFile("file")
		if err != nil {
			say(w, 400, nil)
			return
		}
		a.picture, _ = io.ReadAll(f)
		say(w, 200, map[string]any{"key": "k"})
	})
	h("GET /api/v1/files/k", func(w http.ResponseWriter, r *http.Request, b map[string]any) {
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write(a.picture)
	})
	h("POST /api/v1/reports", func(w http.ResponseWriter, r *http.Request, b map[string]any) {
		n := len(a.reports) + 1
		rep := map[string]any{"id": fmt.Sprintf("10000000-0000-4000-8000-%012d", n), "projectId": a.projects[0]["id"], "trackingId": fmt.Sprintf("BUG-%04d", n),
			"title": b["title"], "description": b["description"], "severity": b["severity"], "category": b["category"], "status": "new",
			"consoleLogs": b["console_logs"], "networkLogs": b["network_logs"], "userActions": b["user_actions"], "metadata": b["metadata"],
			"createdAt": time.Now().Add(-time.Duration(60-n) * 37 * time.Minute), "updatedAt": time.Now(), "reporterIdentifier": b["reporter_identifier"]}
		if b["screenshot_url"] != nil {
			rep["screenshotUrl"] = "https://" + r.Host + "/api/v1/files/k?v=1"
		}
		if b["annotated_screenshot_url"] != nil {
			rep["annotatedScreenshotUrl"] = "https://" + r.Host + "/api/v1/files/k?v=2"
		}
		a.reports = append(a.reports, rep)
		say(w, 201, rep)
	})
	h("GET /api/v1/reports", func(w http.ResponseWriter, r *http.Request, b map[string]any) {
		q := r.URL.Query()
		items := []map[string]any{}
		for _, rep := range slices.Backward(a.reports) {
			if s := q.Get("status"); s != "" && !slices.Contains(strings.Split(s, ","), rep["status"].(string)) {
				continue
			}
			if s := q.Get("severity"); s != "" && !slices.Contains(strings.Split(s, ","), rep["severity"].(string)) {
				continue
			}
			if s := q.Get("search"); s != "" && !strings.Contains(strings.ToLower(rep["title"].(string)), strings.ToLower(s)) {
				continue
			}
			items = append(items, rep)
		}
		total := len(items)
		page, _ := strconv.Atoi(q.Get("page"))
		size, _ := strconv.Atoi(q.Get("page_size"))
		from := min((page-1)*size, total)
		say(w, 200, map[string]any{"items": items[from:min(from+size, total)], "total": total, "page": page, "pageSize": size})
	})
	find := func(r *http.Request) int {
		return slices.IndexFunc(a.reports, func(m map[string]any) bool { return m["id"] == r.PathValue("id") })
	}
	h("GET /api/v1/reports/{id}", func(w http.ResponseWriter, r *http.Request, b map[string]any) {
		if i := find(r); i >= 0 {
			say(w, 200, a.reports[i])
			return
		}
		say(w, 404, map[string]any{"detail": "there is no such report"})
	})
	h("PATCH /api/v1/reports/{id}", func(w http.ResponseWriter, r *http.Request, b map[string]any) {
		i := find(r)
		for k, v := range b {
			a.reports[i][k] = v
		}
		say(w, 200, a.reports[i])
	})
	h("DELETE /api/v1/reports/{id}", func(w http.ResponseWriter, r *http.Request, b map[string]any) {
		i := find(r)
		a.reports = slices.Delete(a.reports, i, i+1)
		w.WriteHeader(204)
	})
	return mux
}

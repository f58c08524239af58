package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
)

// client sends requests to an API in this process.
type client struct {
	api     http.Handler
	cookies []*http.Cookie
}

func (c *client) signIn(ctx context.Context, email, plain string) error {
	body, err := json.Marshal(map[string]string{"email": email, "password": plain})
	if err != nil {
		return err
	}
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/api/v1/auth/login", bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	answer, err := c.send(req)
	if err == nil {
		c.cookies = answer.Result().Cookies()
	}
	return err
}

func (c *client) get(ctx context.Context, path string) error {
	req := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	for _, cookie := range c.cookies {
		req.AddCookie(cookie)
	}
	_, err := c.send(req)
	return err
}

// send returns an error for every status but 200.
func (c *client) send(req *http.Request) (*httptest.ResponseRecorder, error) {
	rec := httptest.NewRecorder()
	c.api.ServeHTTP(rec, req)
	if rec.Code != http.StatusOK {
		return rec, fmt.Errorf("%s %s: %d %.200s", req.Method, req.URL.Path, rec.Code, rec.Body)
	}
	return rec, nil
}

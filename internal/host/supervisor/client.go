package supervisor

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// Client asks a running supervisor.
type Client struct{ http *http.Client }

// NewClient makes a client for the supervisor behind a unix socket.
func NewClient(socket string) *Client {
	return &Client{&http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
		MaxIdleConns: 1,
	}}}
}

// Units returns every unit of the installation.
func (c *Client) Units(ctx context.Context) ([]Unit, error) {
	var out struct {
		Units []Unit `json:"units"`
	}
	return out.Units, c.call(ctx, http.MethodGet, "/v1/units", &out)
}

// Restart restarts one service and waits until it is ready.
func (c *Client) Restart(ctx context.Context, unit string) error {
	return c.call(ctx, http.MethodPost, "/v1/units/"+url.PathEscape(unit)+"/restart", &struct{}{})
}

func (c *Client) call(ctx context.Context, method, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://supervisor"+path, nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("asking the supervisor: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var why struct {
			Detail string `json:"detail"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&why); err != nil {
			return fmt.Errorf("asking the supervisor: %s", resp.Status)
		}
		return fmt.Errorf("the supervisor refused: %s", why.Detail)
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("reading the supervisor's answer: %w", err)
	}
	return nil
}

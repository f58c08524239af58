package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/quantity"
)

// Channels are the ways to people of a configuration: the journal, which every
// site has, the webhook, and each address by itself, so that one that the mail
// server refuses does not keep the others from hearing. password reads
// that of mail.username, token that of the webhook; when one fails, only its channel
// does.
func Channels(log *slog.Logger, a config.Alert, m config.Mail, password, token func() (string, error)) ([]Channel, error) {
	out := []Channel{journal{log}}
	if a.Webhook != "" {
		out = append(out, webhook{a.Webhook, token})
	}
	for _, to := range a.MailTo {
		c, err := newMailbox(m, password, to)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(out, func(o Channel) bool { return o.Name() == c.Name() }) {
			out = append(out, c)
		}
	}
	return out, nil
}

// journal writes to the log of the process.
type journal struct{ log *slog.Logger }

func (journal) Name() string { return "journal" }

func (j journal) Send(_ context.Context, m Message) error {
	if m.State == Resolved {
		j.log.Info("a problem is over", "key", m.Key, "unit", m.Unit, "since", m.Since, "lasted", quantity.Duration(m.At.Sub(m.Since)))
		return nil
	}
	j.log.Error("there is a problem", "key", m.Key, "unit", m.Unit, "since", m.Since, "text", m.Text)
	return nil
}

// webhook posts JSON.
type webhook struct {
	url   string
	token func() (string, error)
}

// tokenPlace stands in alert.webhook where the credential webhook-token belongs.
const tokenPlace = "{token}"

// webhookTimeout is how long a webhook may take to answer.
const webhookTimeout = 30 * time.Second

func (webhook) Name() string { return "webhook" }

func (w webhook) Send(ctx context.Context, m Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	token, err := w.token()
	if err != nil {
		return fmt.Errorf("reading the credential webhook-token: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, webhookTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.ReplaceAll(w.url, tokenPlace, url.PathEscape(token)), bytes.NewReader(body))
	if err != nil {
		return secretless(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" && !strings.Contains(w.url, tokenPlace) {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	// Whoever answers must not send alert and token on to somebody else.
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return secretless(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode > 299 {
		return fmt.Errorf("it answered %s", resp.Status)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	return err
}

// secretless drops the URL from an error: its path may hold a token.
func secretless(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

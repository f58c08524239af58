package cli

import (
	"log/slog"

	"github.com/bugspark/bugspark/internal/config"
)

// newLog writes to the journal, which adds the time, at the level of log.level.
func newLog(env Env, l config.Log) *slog.Logger {
	var level slog.Level
	// Load has refused every other word, so the zero value, info, is never a guess.
	_ = level.UnmarshalText([]byte(l.Level))
	return slog.New(slog.NewTextHandler(env.Stderr, &slog.HandlerOptions{Level: level}))
}

package certificate

import (
	"context"
	"log/slog"

	"go.uber.org/zap/zapcore"
)

// slogCore writes certmagic's log, which needs zap, to slog.
type slogCore struct{ log *slog.Logger }

var _ zapcore.Core = slogCore{}

func level(l zapcore.Level) slog.Level {
	switch {
	case l >= zapcore.ErrorLevel:
		return slog.LevelError
	case l == zapcore.WarnLevel:
		return slog.LevelWarn
	case l == zapcore.InfoLevel:
		// certmagic logs every step at this level.
		return slog.LevelDebug
	default:
		return slog.LevelDebug - 4
	}
}

// Enabled reports whether our logger writes the level.
func (c slogCore) Enabled(l zapcore.Level) bool {
	return c.log.Enabled(context.Background(), level(l))
}

// With returns a core that adds the fields to every line.
func (c slogCore) With(fields []zapcore.Field) zapcore.Core {
	return slogCore{c.log.With(attributes(fields)...)}
}

// Check adds this core to a line that our logger writes.
func (c slogCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

// Write logs one line.
func (c slogCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	c.log.Log(context.Background(), level(e.Level), "certificates: "+e.Message, attributes(fields)...)
	return nil
}

// Sync does nothing: our logger does not buffer.
func (slogCore) Sync() error { return nil }

func attributes(fields []zapcore.Field) []any {
	m := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(m)
	}
	out := make([]any, 0, len(m.Fields))
	for key, value := range m.Fields {
		out = append(out, slog.Any(key, value))
	}
	return out
}

package quantity_test

import (
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/quantity"
)

func TestBytesChangesTheUnitBeforeAFourthDigit(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 KB", 999_499: "999.5 KB", 999_500: "1.0 MB",
		32 << 20: "33.6 MB", 5_000_000_000: "5.0 GB", 9e18: "9000.0 PB",
	} {
		if got := quantity.Bytes(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestDurationKeepsTwoOfTheSmallerUnit(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1500 * time.Millisecond: "2 s", 119 * time.Second: "119 s", 2 * time.Minute: "2 min",
		119 * time.Minute: "119 min", 2 * time.Hour: "2 h", 47 * time.Hour: "47 h", 48 * time.Hour: "2 days",
	} {
		if got := quantity.Duration(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

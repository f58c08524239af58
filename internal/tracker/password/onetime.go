package password

import (
	"crypto/rand"
	"fmt"
	"strings"
)

// letters leaves out what is misread on paper or over the telephone: i, l, o,
// 0, 1, u and v.
const letters = "abcdefghjkmnpqrstwxyz23456789"

// OneTime returns a random password for a person to type once, such as
// "k7wq-3ndp-x9ct-hm2r-ybe5": 20 letters of 29, 97 bits.
func OneTime() (string, error) {
	const groups, size = 5, 4
	var b strings.Builder
	for i := 0; i < groups*size; {
		var r [32]byte
		if _, err := rand.Read(r[:]); err != nil {
			return "", fmt.Errorf("drawing a one-time password: %w", err)
		}
		for _, c := range r {
			// 232 is the largest multiple of 29 in a byte: the rest would
			// favour the first letters.
			if c >= 232 || i == groups*size {
				continue
			}
			if i > 0 && i%size == 0 {
				b.WriteByte('-')
			}
			b.WriteByte(letters[int(c)%len(letters)])
			i++
		}
	}
	return b.String(), nil
}

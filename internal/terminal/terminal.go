// Package terminal keeps what others have written from commanding the terminal of whoever
// reads it.
package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/term"
)

// Printable is text in which everything but newlines and tabs can be seen: escape
// sequences, bidirectional marks and the like become what JSON calls them ("\u001b"). So
// JSON stays valid and means the same, and encoding/json leaves most of them as they are.
// What is no UTF-8 becomes U+FFFD.
func Printable(text string) string {
	if !strings.ContainsFunc(text, hidden) && utf8.ValidString(text) {
		return text
	}
	var out strings.Builder
	for _, r := range text { // an invalid byte is utf8.RuneError
		switch {
		case !hidden(r):
			out.WriteRune(r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

func hidden(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' }

// Writer writes what is printable.
type Writer struct {
	mu    sync.Mutex
	out   io.Writer
	begun []byte // of a character whose end has not come
}

// NewWriter writes to out.
func NewWriter(out io.Writer) *Writer { return &Writer{out: out} }

// Write takes all of data or returns an error.
func (w *Writer) Write(data []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := append(w.begun, data...)
	whole := len(text)
	for i := 1; i < utf8.UTFMax && i <= len(text); i++ {
		if end := text[len(text)-i:]; utf8.RuneStart(end[0]) {
			if !utf8.FullRune(end) {
				whole -= i
			}
			break
		}
	}
	w.begun = append([]byte(nil), text[whole:]...)
	if whole == 0 {
		return len(data), nil
	}
	if _, err := io.WriteString(w.out, Printable(string(text[:whole]))); err != nil {
		return 0, err
	}
	return len(data), nil
}

// Flush writes what stands for a character whose end never came.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := Printable(string(w.begun))
	w.begun = nil
	_, err := io.WriteString(w.out, text)
	return err
}

// Raw is what a Writer writes to, for lines that move and have colors. Whoever takes it
// makes printable what comes from others.
func Raw(out io.Writer) io.Writer {
	if w, ok := out.(*Writer); ok {
		return w.out
	}
	return out
}

// Is tells whether out leads to a terminal, with or without a Writer before it.
func Is(out io.Writer) bool {
	f, ok := Raw(out).(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

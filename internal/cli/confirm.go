package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/bugspark/bugspark/internal/fault"
)

// confirm wants a word typed before something is lost or put aside. Without a
// terminal nobody can type it, so --yes must be given.
func confirm(env Env, word, warning string) error {
	if f, ok := env.Stdin.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return fault.New(fault.Usage, "add --yes", "%s Nobody is there to be asked", warning)
	}
	return ask(env.Stdin, env.Stdout, word, warning)
}

func ask(in io.Reader, out io.Writer, word, warning string) error {
	if _, err := fmt.Fprintf(out, "\n%s\nType %s to go on: ", warning, word); err != nil {
		return err
	}
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if strings.TrimSpace(line) != word {
		return fault.New(fault.Usage, "run the same command again and type "+word+", or add --yes", "not confirmed, so nothing was changed")
	}
	return nil
}

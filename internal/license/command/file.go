package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/license/issuer"
)

// largest is more than any file that the tool reads.
const largest = 1 << 20

// read gives the bytes of a file, or of the standard input for "-".
func (t Env) read(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(t.Stdin, largest))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, largest))
}

// write makes a new file, or prints for an empty path. Nothing is ever written over: a key
// that is lost this way cannot be made again.
func (t Env) write(path string, data []byte, mode os.FileMode) error {
	if path == "" {
		_, err := t.Stdout.Write(data)
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, os.ErrExist) {
		return fault.Wrap(fault.Preflight, err, "choose another name than "+path, "the file is there already, and is not written over")
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// passphrase reads it from a file that only its owner may read, or asks. twice asks again.
func (t Env) passphrase(path string, twice bool) (string, error) {
	if path != "" {
		info, err := os.Stat(path)
		if err != nil {
			return "", err
		}
		if info.Mode().Perm()&0o077 != 0 {
			return "", fault.New(fault.Preflight, "set the mode of "+path+" to 600", "others may read the passphrase in %s", path)
		}
		data, err := t.read(path)
		if err != nil {
			return "", err
		}
		return checkPassphrase(strings.TrimRight(string(data), "\r\n"))
	}
	first, err := t.Ask("Passphrase: ")
	if err != nil || !twice {
		return first, err
	}
	second, err := t.Ask("Passphrase again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", fault.New(fault.Usage, "", "the two passphrases differ")
	}
	return checkPassphrase(first)
}

// shortest is in bytes. Who has the file can try without end.
const shortest = 12

func checkPassphrase(s string) (string, error) {
	if len(s) < shortest {
		return "", fault.New(fault.Usage, "", "the passphrase has %d characters, at least %d are asked for", len(s), shortest)
	}
	return s, nil
}

// AskTerminal asks the person at the terminal, which may be another than the standard input.
func AskTerminal(prompt string) (string, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "", fault.Wrap(fault.Usage, err, "", "there is no terminal to ask for the passphrase; give --passphrase-file")
	}
	defer tty.Close()
	fmt.Fprint(tty, prompt)
	data, err := term.ReadPassword(int(tty.Fd()))
	fmt.Fprintln(tty)
	return string(data), err
}

// key opens the vendor's key.
func (t Env) key(path, passphraseFile string) (issuer.Key, error) {
	data, err := t.read(path)
	if err != nil {
		return issuer.Key{}, err
	}
	pass, err := t.passphrase(passphraseFile, false)
	if err != nil {
		return issuer.Key{}, err
	}
	return issuer.Decrypt(data, pass)
}

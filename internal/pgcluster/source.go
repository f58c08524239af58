package pgcluster

import (
	"errors"
	"io"
)

// Source keeps the error with which what is read broke, where whoever takes it tells of
// another one.
type Source struct {
	From io.Reader
	Err  error
}

func (s *Source) Read(p []byte) (int, error) {
	n, err := s.From.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.Err = err
	}
	return n, err
}

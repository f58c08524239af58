package setup

import (
	"io"
	"os"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

// Answers are settings that somebody wants, in the form of bugspark.yaml.
type Answers struct {
	Name string // of the file, for errors; empty: there are none
	Data []byte
}

// maxAnswers is more than any answers file has.
const maxAnswers = 1 << 20

// ReadAnswers reads an answers file, which - makes standard input; without a name there
// are no answers.
func ReadAnswers(stdin io.Reader, file string) (Answers, error) {
	a := Answers{Name: file}
	var err error
	switch file {
	case "":
	case "-":
		a.Name = "standard input"
		a.Data, err = io.ReadAll(io.LimitReader(stdin, maxAnswers))
	default:
		a.Data, err = os.ReadFile(file)
	}
	if err != nil {
		return a, fault.Wrap(fault.Preflight, err, "bugspark setup --non-interactive --answers FILE, with a file that is there", "reading the answers")
	}
	return a, nil
}

// WantedConfig decides which configuration setup is about: the answers, or what is
// on the machine already. A machine that is set up is changed by 'apply', so other
// answers are refused there.
func WantedConfig(dirs config.Dirs, a Answers, env config.LookupEnv) ([]byte, config.Config, error) {
	existing, err := Existing(dirs)
	if err != nil {
		return nil, config.Config{}, fault.Wrap(fault.Preflight, err, "look at "+dirs.File(), "reading the configuration")
	}
	applied, err := ReadApplied(dirs)
	if err != nil {
		return nil, config.Config{}, err
	}
	if a.Name == "" {
		a = Answers{dirs.File(), existing}
		if applied.Finished {
			return NameTarget(dirs, existing, env)
		}
	}
	data, _, err := CompleteConfig(a.Name, a.Data, env)
	if err != nil {
		return nil, config.Config{}, err
	}
	given := data
	data, cfg, err := NameTarget(dirs, data, env)
	if err != nil {
		return nil, config.Config{}, err
	}
	if applied.Finished && string(data) != string(existing) && string(given) != string(existing) {
		return nil, config.Config{}, fault.New(fault.Preflight,
			"edit "+dirs.File()+", then run 'bugspark plan' and 'bugspark apply'",
			"this machine is set up already, and these answers differ from its configuration")
	}
	return data, cfg, nil
}

package setup

import (
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

// Answers are settings that somebody wants, in the form of bugspark.yaml.
type Answers struct {
	Name string // of the file, for errors; empty: there are none
	Data []byte
}

// WantedConfig decides which configuration setup is about: the answers, or what is
// on the machine already. A machine that is set up is changed by 'apply', so other
// answers are refused there.
func WantedConfig(dirs config.Dirs, a Answers, env config.LookupEnv) ([]byte, config.Config, error) {
	existing, err := Existing(dirs)
	if err != nil {
		return nil, config.Config{}, fault.Wrap(fault.Preflight, err, "", "reading the configuration")
	}
	applied, err := ReadApplied(dirs)
	if err != nil {
		return nil, config.Config{}, err
	}
	if a.Name == "" {
		a = Answers{dirs.File(), existing}
		if applied.Finished {
			cfg, err := config.Parse(a.Name, existing, env)
			return existing, cfg, err
		}
	}
	data, cfg, err := CompleteConfig(a.Name, a.Data, env)
	if err != nil {
		return nil, config.Config{}, err
	}
	if applied.Finished && string(data) != string(existing) {
		return nil, config.Config{}, fault.New(fault.Preflight,
			"edit "+dirs.File()+", then run 'bugspark plan' and 'bugspark apply'",
			"this machine is set up already, and these answers differ from its configuration")
	}
	return data, cfg, nil
}

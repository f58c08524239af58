package config

import (
	"regexp"
	"strings"

	"github.com/bugspark/bugspark/internal/fault"
)

const formOfTheFile = "see 'bugspark config sample' for the form of the file"

// notYAML explains why a file cannot be parsed, by what a person did where the parser
// reports it in words of its own.
func notYAML(name string, err error) error {
	m := regexp.MustCompile(`^yaml: (line \d+: )?(.*)$`).FindStringSubmatch(err.Error())
	if m == nil {
		return fault.Wrap(fault.Usage, err, formOfTheFile, "%s is not valid YAML", name)
	}
	why := m[2]
	for parser, person := range map[string]string{
		"mapping values are not allowed in this context": `a setting begins where none can: indent it by as many spaces as its neighbours, give the line before its colon, and put text with ": " in it in quotes`,
		"found character that cannot start any token":    "indent by spaces and not by tabs, and put text that begins with @, % or ` in quotes",
		"did not find expected ',' or ']'":               `a list that begins with "[" has no "]"`,
		"did not find expected ',' or '}'":               `what begins with "{" has no "}"`,
		"did not find expected node content":             `what "[" or "{" begins is never closed`,
		"found unexpected end of stream":                 "a quotation mark that was opened before is never closed",
		"did not find expected key":                      "a line here is not indented as its neighbours are, or a quotation mark is closed too early",
		"could not find expected ':'":                    "the line before has no colon after its name",
		"did not find expected '-' indicator":            `a line of the list does not begin with "- "`,
	} {
		if strings.Contains(m[2], parser) {
			why = person
		}
	}
	return fault.New(fault.Usage, formOfTheFile, "%s is not valid YAML: %s%s", name, m[1], why)
}

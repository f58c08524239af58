package tracker

// MaxLabel is the longest name of a label, in characters.
const MaxLabel = 50

// Label marks reports of one project.
type Label struct{ ID, ProjectID, Name string }

// Validate returns FieldErrors, or nil.
func (l Label) Validate() error { return join(checkText("name", l.Name, 1, MaxLabel)) }

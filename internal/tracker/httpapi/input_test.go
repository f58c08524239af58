package httpapi

import (
	"strings"
	"testing"
)

func TestBodiesAreOneJSONObject(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		ok         bool
		title      string
	}{
		{"an object", ` {"title" : "a" , "n":[1,{"x":null}]} `, true, `"a"`},
		{"nothing", "  ", true, ""},
		{"a repeated member counts last", `{"title":"a","title":"b"}`, true, `"b"`},
		{"half a surrogate pair, as JavaScript cuts texts", `{"title":"\ud83d"}`, true, `"\ud83d"`},
		{"no valid UTF-8", "{\"title\":\"\xff\"}", true, `"` + "\uFFFD" + `"`},
		{"an array", `[{"title":"a"}]`, false, ""},
		{"null", `null`, false, ""},
		{"a text", `"title"`, false, ""},
		{"two objects", `{"title":"a"}{"title":"b"}`, false, ""},
		{"cut short", `{"title":"a"`, false, ""},
		{"cut in a name", `{"tit`, false, ""},
		{"no comma", `{"title":"a" "b":1}`, false, ""},
		{"a comma too many", `{"title":"a",}`, false, ""},
		{"ten thousand levels", `{"a":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) + `}`, false, ""},
		{"a bare NUL", "{\"title\":\"a\x00\"}", false, ""},
	} {
		f, err := parse([]byte(tc.body))
		if (err == nil) != tc.ok {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if err == nil && string(f.raw["title"]) != tc.title {
			t.Errorf("%s: the title is %s", tc.name, f.raw["title"])
		}
	}
}

func TestMembersAreSlicesOfTheBodyAndNeverOverlap(t *testing.T) {
	f, err := parse([]byte(`{"a":[1, 2],"b":"x","c":{"d": 1}}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = append(f.raw["a"], "garbage"...) // must not reach the next member
	if string(f.raw["a"]) != "[1, 2]" || string(f.raw["b"]) != `"x"` || string(f.raw["c"]) != `{"d": 1}` {
		t.Errorf("members %s %s %s", f.raw["a"], f.raw["b"], f.raw["c"])
	}
}

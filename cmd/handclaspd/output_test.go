package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/store"
)

const hostile = "a\x1b]0;title\x07 b\u202ec \u009b31m\r\nd \U000e0041"

func TestNothingThatATerminalObeysIsPrinted(t *testing.T) {
	t.Parallel()
	var out, errs strings.Builder
	a := &app{out: &out, err: &errs}
	a.say("%s", hostile)
	if err := a.tell("%s", hostile); err != nil {
		t.Fatal(err)
	}
	if err := a.fields(line("name", hostile)); err != nil {
		t.Fatal(err)
	}
	if err := a.showEvents([]store.Event{{Detail: hostile, Type: hostile}}); err != nil {
		t.Fatal(err)
	}
	a.json = true
	if err := a.printJSON(hostile); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{out.String(), errs.String()} {
		if strings.ContainsFunc(strings.ReplaceAll(text, "\n", ""), obeyed) {
			t.Errorf("printed %q", text)
		}
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var got string
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &got); err != nil || got != hostile {
		t.Errorf("JSON means %q, want %q: %v", got, hostile, err)
	}
}

func TestTableIsAlignedAndEmptyCellsAreDashes(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	a := &app{out: &out}
	if err := a.table([]string{"ID", "NAME", "AT"}, []string{"1", "", ""}, []string{"22", "Ada", "now"}); err != nil {
		t.Fatal(err)
	}
	if want := "ID   NAME   AT\n1    -      -\n22   Ada    now\n"; out.String() != want {
		t.Errorf("printed\n%swant\n%s", out.String(), want)
	}
}

func TestNextCommandKeepsTheFolderThatWasNamed(t *testing.T) {
	t.Parallel()
	a := &app{settings: Settings{Data: "./data", Database: "it's here.db"}, sources: sources{"data": fromDefault, "database": fromFlag}}
	if got, want := a.command("users", "list"), `handclaspd users list --database 'it'\''s here.db'`; got != want {
		t.Errorf("command is %s, want %s", got, want)
	}
}

// Whoever follows the events of several processes sees each of them once, also those that were written a little late.
func TestTrailShowsEachEventOnce(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	event := func(id string, after time.Duration) store.Event { return store.Event{ID: id, Time: start.Add(after)} }
	shown := func(list []store.Event) (ids string) {
		for _, e := range list {
			ids += e.ID
		}
		return ids
	}
	tr := trail{start: "a", seen: map[string]time.Time{}}
	b, c, d, e := event("b", time.Second), event("c", 2*time.Second), event("d", 3*time.Second), event("e", 30*time.Second)
	if got := shown(tr.fresh([]store.Event{b, d})); got != "bd" {
		t.Errorf("first look shows %q", got)
	}
	if from := tr.from(); from != "a" {
		t.Errorf("second look begins at %q: what comes late would be missed", from)
	}
	if got := shown(tr.fresh([]store.Event{b, c, d})); got != "c" {
		t.Errorf("second look shows %q", got)
	}
	if got := shown(tr.fresh([]store.Event{b, c, d, e})); got != "e" {
		t.Errorf("third look shows %q", got)
	}
	if from := tr.from(); from != "d" || len(tr.seen) != 1 {
		t.Errorf("fourth look begins at %q and remembers %d: what is long past would be read for ever", from, len(tr.seen))
	}
}

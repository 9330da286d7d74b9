package screen

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestColourObeysFlagThenEnvironment(t *testing.T) {
	for _, c := range []struct {
		flag bool
		env  func(string) string
		want bool
	}{
		{false, env(), false},
		{false, env("CLICOLOR_FORCE", "1"), true},
		{false, env("CLICOLOR_FORCE", "0"), false},
		{false, env("CLICOLOR_FORCE", "1", "NO_COLOR", "1"), false},
		{true, env("CLICOLOR_FORCE", "1"), false},
		{false, env("CLICOLOR_FORCE", "1", "TERM", "dumb"), true},
	} {
		s := New(Config{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}, Env: c.env, NoColor: c.flag})
		if got := s.Bold("x") != "x"; got != c.want {
			t.Errorf("flag %t, NO_COLOR %q, CLICOLOR_FORCE %q: %t", c.flag, c.env("NO_COLOR"), c.env("CLICOLOR_FORCE"), got)
		}
	}
}

func TestWithoutTerminalEverythingIsSaidOnceAndPlainly(t *testing.T) {
	var talk bytes.Buffer
	s := New(Config{Out: &bytes.Buffer{}, Err: &talk, Env: env("TERM_PROGRAM", "WezTerm")})
	w := s.Wait("Waiting")
	w.Note("trouble")
	w.Note("trouble")
	w.Stop()
	w.Note("too late")
	w.Stop()
	s.Tell("%s", s.Link("shown", "https://login.example.test"))
	if got := talk.String(); got != "Waiting\ntrouble\nshown\n" {
		t.Errorf("%q", got)
	}
}

func TestQuietSaysOnlyWhatIsNeeded(t *testing.T) {
	var talk bytes.Buffer
	s := New(Config{Out: &bytes.Buffer{}, Err: &talk, Env: env(), Quiet: true})
	s.Say("chatter")
	s.Wait("Waiting").Stop()
	s.Tell("code")
	if got := talk.String(); got != "code\n" {
		t.Errorf("%q", got)
	}
}

func TestTerminalSpinsAndIsLeftClean(t *testing.T) {
	var talk bytes.Buffer
	s := &Screen{err: &talk, animated: true, links: true, ascii: true}
	w := s.Wait("Waiting")
	time.Sleep(2 * frameTime)
	w.Note("trouble")
	w.Entered()
	w.Stop()
	got := talk.String()
	if !strings.Contains(got, "- Waiting") || !strings.Contains(got, "\r\x1b[Ktrouble\n") || !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("%q", got)
	}
	if link := s.Link("a", "b"); link != "\x1b]8;;b\x1b\\a\x1b]8;;\x1b\\" {
		t.Errorf("%q", link)
	}
}

func TestLengthsAreSaidAsPeopleDo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		600 * time.Second: "10 minutes", 599900 * time.Millisecond: "10 minutes", time.Second: "1 second", -90 * time.Minute: "90 minutes",
		2*time.Hour - 300*time.Millisecond: "2 hours", 90 * 24 * time.Hour: "90 days", 48*time.Hour - time.Second: "2 days", 0: "0 seconds",
	} {
		if got := Span(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

func TestWhatStandsInsteadIsSaidOnceAndTakenBack(t *testing.T) {
	var talk bytes.Buffer
	s := New(Config{Out: &bytes.Buffer{}, Err: &talk, Env: env()})
	w := s.Wait("Waiting")
	w.Again("never away")
	w.Instead("away (EOF)")
	w.Instead("away (refused)")
	w.Again("back")
	w.Again("back")
	w.Stop()
	w.Instead("too late")
	if got := talk.String(); got != "Waiting\naway (EOF)\nback\n" {
		t.Errorf("%q", got)
	}
}

func TestTheMovingLineSaysWhatStandsInstead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var talk bytes.Buffer
		s := &Screen{err: &talk, animated: true, ascii: true}
		w := s.Wait("Waiting")
		line := func() string {
			time.Sleep(2 * frameTime)
			synctest.Wait()
			all := talk.String()
			return all[strings.LastIndex(all, "\x1b[K")+len("\x1b[K?"):]
		}
		w.Instead("away (EOF)")
		first := line()
		w.Instead("away (refused)")
		second := line()
		w.Again("back")
		if third := line(); first != " away (EOF)" || second != " away (refused)" || third != " Waiting" {
			t.Errorf("%q, then %q, then %q", first, second, third)
		}
		w.Stop()
		if strings.Contains(talk.String(), "\n") {
			t.Errorf("a line was left behind: %q", talk.String())
		}
	})
}

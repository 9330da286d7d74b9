package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/server/servertest"
)

func TestUserCodeIsReadAsPeopleTypeIt(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{LimitScale: 100})
	b := s.Browser(t)
	b.SignIn(mara)
	for _, typed := range []func(string) string{
		func(c string) string { return c },
		strings.ToLower,
		func(c string) string { return strings.ReplaceAll(c, "-", "") },
		func(c string) string { return "  " + strings.ReplaceAll(c, "-", " - ") + " " },
		func(c string) string { return strings.Join(strings.Split(strings.ToLower(c), ""), " ") },
		func(c string) string { return strings.ReplaceAll(c, "-", "–") },
	} {
		code := s.Terminal(t).Ask().UserCode
		wantPage(t, b.EnterCode(typed(code)), http.StatusOK, "Let handclasp on dev-box sign in as you?", code)
	}
}

func TestUnknownAndExpiredCodesSoundTheSame(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{LimitScale: 100}, func(t *testing.T, s *servertest.Server) {
		expired := s.Terminal(t).Ask().UserCode
		s.Clock.Advance(11 * time.Minute)
		b := s.Browser(t)
		b.SignIn(mara)
		said := map[string]bool{}
		for _, code := range []string{expired, "BBBB-BBBB", "nonsense"} {
			page := b.EnterCode(code)
			wantPage(t, page, http.StatusBadRequest, "That code is not known, or has expired.")
			if !strings.Contains(page.Body, `value="`+code+`"`) {
				t.Errorf("what was typed is gone: %s", page.Body)
			}
			said[strings.ReplaceAll(csrfValue.ReplaceAllString(page.Body, ""), code, "")] = true
		}
		if len(said) != 1 {
			t.Errorf("the pages differ: %v", said)
		}
		wantEvent(t, s, "device.wrong_code", "refused", 2) // nonsense was never looked up
	})
}

// Whoever guesses must be somebody, and that one soon has to wait, from however many networks the guesses come.
func TestGuessingCodesEndsSoon(t *testing.T) {
	t.Parallel()
	o := servertest.Options{TrustedProxies: "127.0.0.1"}
	onBothKeepers(t, o, func(t *testing.T, s *servertest.Server) {
		if page := s.Browser(t).Open("/device"); page.URL.Path != "/signin" {
			t.Fatalf("a stranger may guess: %s", page.Text())
		}
		s.Clock.Hold() // an account has one more guess each minute
		b := s.Browser(t)
		b.SignIn(mara)
		looked, delayed := 0, 0
		form := url.Values{"csrf": {csrfOf(t, b)}}
		for i := range 200 {
			b.Address = fmt.Sprintf("198.51.100.%d", i)
			form.Set("user_code", guess(i))
			switch page := b.Post("/device", form); page.Status {
			case http.StatusBadRequest:
				looked++
			case http.StatusTooManyRequests:
				delayed++
				wantPage(t, page, http.StatusTooManyRequests, "Too many tries", "Try again in")
				if page.Header.Get("Retry-After") == "" {
					t.Fatal("no Retry-After")
				}
			default:
				t.Fatalf("guess %d: %d %s", i, page.Status, page.Text())
			}
		}
		if looked != 10 || delayed != 190 {
			t.Errorf("%d guesses were looked up, %d delayed", looked, delayed)
		}
		b.Address = "198.51.100.250"
		code := s.Terminal(t).Ask().UserCode
		wantPage(t, b.EnterCode(code), http.StatusTooManyRequests, "Too many tries") // nor does a right one come through
		s.Clock.Advance(2 * time.Minute)
		wantPage(t, b.EnterCode(code), http.StatusOK, "sign in as you?")
	})
}

// A hundred guesses at once must not all be looked up before the first is counted.
func TestGuessesAtOnceCountLikeOthers(t *testing.T) {
	t.Parallel()
	o := servertest.Options{TrustedProxies: "127.0.0.1"}
	onBothKeepers(t, o, func(t *testing.T, s *servertest.Server) {
		b := s.Browser(t)
		b.SignIn(mara)
		form := url.Values{"csrf": {csrfOf(t, b)}}
		status := make(chan int, 100)
		for i := range cap(status) {
			b.Address = fmt.Sprintf("198.51.100.%d", i)
			form.Set("user_code", guess(i))
			r := b.Request(http.MethodPost, "/device", form)
			go func() {
				answer, err := b.Client.Do(r)
				if err != nil {
					status <- 0
					return
				}
				_ = answer.Body.Close()
				status <- answer.StatusCode
			}()
		}
		told := map[int]int{}
		for range cap(status) {
			told[<-status]++
		}
		if told[http.StatusBadRequest] != 10 || told[http.StatusTooManyRequests] != 90 {
			t.Errorf("the guesses are told %v", told)
		}
	})
}

func guess(i int) string {
	const letters = "BCDFGHJKLMNPQRSTVWXZ"
	return "BBBB-BB" + string(letters[i/20]) + string(letters[i%20])
}

func TestOneNetworkTypesFiveCodesAMinute(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	s.Clock.Hold() // there is one more every twelve seconds
	b := s.Browser(t)
	b.SignIn(mara)
	for i := range 5 {
		wantPage(t, b.EnterCode(guess(i)), http.StatusBadRequest, "not known")
	}
	wantPage(t, b.EnterCode(guess(6)), http.StatusTooManyRequests, "Too many tries")
	s.Clock.Advance(time.Minute)
	wantPage(t, b.EnterCode(s.Terminal(t).Ask().UserCode), http.StatusOK, "sign in as you?")
}

func TestSlipsOfTheFingerAreForgiven(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{TrustedProxies: "127.0.0.1"})
	b := s.Browser(t)
	b.SignIn(mara)
	asked := s.Terminal(t).Ask()
	for i := range 9 {
		b.Address = fmt.Sprintf("198.51.100.%d", i)
		wantPage(t, b.EnterCode(guess(i)), http.StatusBadRequest, "not known")
	}
	b.Address = "198.51.100.99"
	wantPage(t, b.Approve(asked.UserCode), http.StatusOK, "You are signed in on dev-box")
}

// Accounts are free: a crowd of new ones must not close the door for those who have a terminal signed in.
func TestCrowdOfGuessersDoesNotCloseTheDoor(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{TrustedProxies: "127.0.0.1"})
	s.Clock.Hold() // the crowd has one more guess each second
	known := s.Browser(t)
	known.SignIn(mara)
	s.Terminal(t).LogIn(known)
	waiting := s.Terminal(t).Ask()
	crowd := make([]*servertest.Browser, 10)
	for who := range crowd {
		b := s.Browser(t)
		b.Address = fmt.Sprintf("203.0.113.%d", who)
		b.SignIn(fmt.Sprintf("guesser%d@example.test", who))
		crowd[who] = b
	}
	looked := 0
	for who, b := range crowd {
		form := url.Values{"csrf": {csrfOf(t, b)}}
		for i := range 10 {
			b.Address = fmt.Sprintf("198.51.%d.%d", who+100, i)
			form.Set("user_code", guess(10*who+i))
			if b.Post("/device", form).Status == http.StatusBadRequest {
				looked++
			}
		}
	}
	if looked != 60 {
		t.Errorf("the crowd had %d guesses looked up", looked)
	}
	wantPage(t, known.Approve(waiting.UserCode), http.StatusOK, "You are signed in on dev-box")
}

func TestFirstSessionThatOpensACodeOwnsIt(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{LimitScale: 100}, func(t *testing.T, s *servertest.Server) {
		owner, other, second := s.Browser(t), s.Browser(t), s.Browser(t)
		owner.SignIn(mara)
		other.SignIn(omar)
		second.SignIn(mara) // another browser of the same person
		terminal := s.Terminal(t)
		asked := terminal.Ask()
		question := owner.EnterCode(asked.UserCode)
		for _, b := range []*servertest.Browser{other, second} {
			page := b.EnterCode(asked.UserCode)
			wantPage(t, page, http.StatusConflict, "opened before", "handclasp login")
			if strings.Contains(page.Text(), "dev-box") {
				t.Errorf("it tells of the request: %s", page.Text())
			}
			wantPage(t, b.Open(question.URL.Path), http.StatusNotFound, "There is nothing here")
			form := url.Values{"csrf": {csrfOf(t, b)}, "decision": {"deny"}}
			wantPage(t, b.Post(question.URL.Path, form), http.StatusNotFound, "There is nothing here")
		}
		event := wantEvent(t, s, "device.taken", "refused", 2)
		user, _ := userOf(t, s, mara)
		if event.Target != user.ID {
			t.Errorf("the event names %q as the owner", event.Target)
		}
		if reply := terminal.Poll(asked); reply.Error() != "authorization_pending" {
			t.Errorf("the terminal hears %s", reply.Body)
		}
		wantPage(t, owner.EnterCode(asked.UserCode).Press("Approve"), http.StatusOK, "You are signed in on dev-box")
	})
}

// The address with the code in it must not stay in the history, nor be of use to whoever sees it without the click.
func TestCodeInALinkOnlyFillsInTheForm(t *testing.T) {
	t.Parallel()
	s := servertest.Start(t, servertest.Options{})
	b, terminal := s.Browser(t), s.Terminal(t)
	asked := terminal.Ask()
	page := b.Open(asked.VerificationURIComplete)
	wantPath(t, page, "/signin")
	if strings.Contains(page.URL.String(), asked.UserCode) {
		t.Errorf("the code stands in %s", page.URL)
	}
	page = b.SignIn(mara)
	wantPage(t, page, http.StatusOK, "Enter the code")
	_, form := page.Form("Continue")
	if form.Get("user_code") != asked.UserCode {
		t.Errorf("the form holds %q", form.Get("user_code"))
	}
	wantEvent(t, s, "device.approve", "ok", 0)
	wantPage(t, page.Press("Continue").Press("Approve"), http.StatusOK, "You are signed in")
	_, form = b.Open("/device").Form("Continue")
	if form.Get("user_code") != "" {
		t.Errorf("the next time the form still holds %q", form.Get("user_code"))
	}
	for _, odd := range []string{"%00", "%ff", "<script>", strings.Repeat("B", 3000), "BBBB-BBBB%0d%0aSet-Cookie:x=y"} {
		_, form := b.Open("/device?user_code=" + odd).Form("Continue")
		if form.Get("user_code") != "" {
			t.Errorf("%q came into the form as %q", odd, form.Get("user_code"))
		}
	}
}

// "Not you?" gives the code back to nobody: it ends, the terminal hears of it, and the person knows what to type.
func TestNotYouEndsTheCode(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, servertest.Options{}, func(t *testing.T, s *servertest.Server) {
		b, terminal := s.Browser(t), s.Terminal(t)
		asked := terminal.Ask()
		b.Open(asked.VerificationURIComplete)
		page := b.SignIn(mara).Press("Continue").Press("Not you?")
		wantPage(t, page, http.StatusOK, "You are signed out", "handclasp login", "Your mail address")
		if b.Cookie("hc_session") != "" {
			t.Error("still signed in")
		}
		if reply := terminal.Poll(asked); reply.Error() != "access_denied" {
			t.Errorf("the terminal hears %s", reply.Body)
		}
		page = b.SignIn(omar)
		wantPage(t, page, http.StatusOK, "Enter the code")
		if _, form := page.Form("Continue"); form.Get("user_code") != "" {
			t.Errorf("the form offers the dead code %q", form.Get("user_code"))
		}
		wantPage(t, page, http.StatusOK, "handclasp login", "omar@example.test")
		next := terminal.Ask()
		wantPage(t, page.Press("Continue", "user_code", next.UserCode).Press("Approve"), http.StatusOK, "You are signed in on dev-box")
	})
}

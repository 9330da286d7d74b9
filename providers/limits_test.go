package providers_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/handclasp/handclasp/providers"
)

func TestThreeMailsInARowAndThenSilence(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, "open", func(t *testing.T, r *rig) {
		var asker providers.Asker
		var last providers.Letter
		for range 3 {
			asker, last = r.ask(providers.Ask{Email: mara, Asker: asker})
		}
		again, _ := r.ask(providers.Ask{Email: mara, Asker: asker})
		if r.mailed() != 3 {
			t.Errorf("%d mails", r.mailed())
		}
		if _, err := r.Use(t.Context(), tokenOf(last), again); err != nil {
			t.Errorf("the link that was mailed last is not good any more: %v", err)
		}
		// A browser without a link waits like any other, for the address that it named.
		fresh, _ := r.ask(providers.Ask{Email: mara})
		if link, err := r.Waiting(t.Context(), fresh); err != nil || link.Email != mara {
			t.Errorf("a fresh browser waits for %q: %v", link.Email, err)
		}
		if r.mailed() != 3 {
			t.Errorf("%d mails", r.mailed())
		}
		r.advance(16 * time.Minute)
		r.ask(providers.Ask{Email: mara})
		if r.mailed() != 4 {
			t.Errorf("%d mails after a quarter of an hour", r.mailed())
		}
	})
}

// A browser that asked for one address and then for another one whose allowance is used up does not come in as the first.
func TestChangeOfAddressEndsTheOlderLinkAlsoInSilence(t *testing.T) {
	t.Parallel()
	r := newRig(t, "open", "")
	for range 3 {
		r.ask(providers.Ask{Email: omar})
	}
	asker, letter := r.ask(providers.Ask{Email: mara})
	asker, _ = r.ask(providers.Ask{Email: omar, Asker: asker})
	if link, err := r.Waiting(t.Context(), asker); err != nil || link.Email != omar {
		t.Errorf("waits for %q: %v", link.Email, err)
	}
	if _, err := r.Use(t.Context(), tokenOf(letter), asker); !errors.Is(err, providers.ErrLink) {
		t.Errorf("the older link: %v", err)
	}
}

func TestNetworkThatAsksForManyAddressesIsToldToWait(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, "open", func(t *testing.T, r *rig) {
		passed, refused := 0, 0
		for i := range 60 { // one a minute
			_, err := r.Ask(r.from("192.0.2.1"), providers.Ask{Email: fmt.Sprintf("somebody%d@example.test", i)})
			switch {
			case err == nil:
				passed++
			case errors.Is(err, providers.ErrTooMany):
				refused++
			default:
				t.Fatal(err)
			}
			r.advance(time.Minute)
		}
		if passed > 10 || passed < 9 || passed+refused != 60 {
			t.Errorf("%d passed and %d were refused in an hour", passed, refused)
		}
		if _, err := r.Ask(r.from("192.0.2.2"), providers.Ask{Email: mara}); err != nil {
			t.Errorf("another network: %v", err)
		}
	})
}

func TestNoStrangerUsesUpAPersonsOwnAllowance(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, "open", func(t *testing.T, r *rig) {
		for i := range 100 {
			if _, err := r.Ask(r.from(fmt.Sprintf("198.51.100.%d", i)), providers.Ask{Email: mara}); err != nil {
				t.Fatal(err)
			}
		}
		if r.mailed() > 10 {
			t.Errorf("strangers had %d mails sent", r.mailed())
		}
		for i := range 10 { // and those of the person's own network use up that
			_, _ = r.Ask(r.from("192.0.2.1"), providers.Ask{Email: fmt.Sprintf("somebody%d@example.test", i)})
		}
		before := r.mailed()
		asker, letter := r.ask(providers.Ask{Email: mara, Known: true, KnownID: "her own browser"})
		if r.mailed() != before+1 {
			t.Fatal("the person's own browser gets no mail")
		}
		if _, err := r.Use(t.Context(), tokenOf(letter), asker); err != nil {
			t.Error(err)
		}
		for range 100 {
			r.ask(providers.Ask{Email: mara, Known: true, KnownID: "her own browser"})
		}
		if n := r.mailed() - before; n > 5 {
			t.Errorf("a known browser had %d mails sent in a row", n)
		}
	})
}

package providers_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/handclasp/handclasp/providers"
	"github.com/handclasp/handclasp/store"
)

func tokenOf(l providers.Letter) string {
	_, token, _ := strings.Cut(l.URL, "?t=")
	return token
}

func TestOfManyWhoUseALinkOneComesIn(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, "open", func(t *testing.T, r *rig) {
		asker, letter := r.ask(providers.Ask{Email: mara, ReturnTo: "/device"})
		var in atomic.Int32
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				var proof providers.Proof
				var err error
				if i%2 == 0 {
					proof, err = r.Use(r.t.Context(), tokenOf(letter), asker)
				} else {
					proof, err = r.UseCode(r.t.Context(), letter.Code, asker)
				}
				switch {
				case err == nil:
					in.Add(1)
					if proof.User.Email != mara || !proof.Created || proof.ReturnTo != "/device" {
						t.Errorf("proof %+v", proof)
					}
				case !errors.Is(err, providers.ErrLink):
					t.Errorf("a loser hears %v", err)
				}
			})
		}
		all.Wait()
		if in.Load() != 1 {
			t.Errorf("%d came in", in.Load())
		}
	})
}

func TestLookingAtALinkLeavesItAsItIs(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, "open", func(t *testing.T, r *rig) {
		asker, letter := r.ask(providers.Ask{Email: mara})
		for range 10 {
			if _, err := r.Look(t.Context(), tokenOf(letter), providers.Asker{}); !errors.Is(err, providers.ErrOtherBrowser) {
				t.Fatalf("another browser looks: %v", err)
			}
			if link, err := r.Look(t.Context(), tokenOf(letter), asker); err != nil || link.Email != mara {
				t.Fatalf("the asker looks: %+v %v", link, err)
			}
			if _, err := r.Waiting(t.Context(), asker); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := r.Use(t.Context(), tokenOf(letter), asker); err != nil {
			t.Errorf("use after looking: %v", err)
		}
	})
}

func TestFiveWrongHalvesEndALink(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, "open", func(t *testing.T, r *rig) {
		for _, wrong := range []string{"mailed", "kept", "letters"} {
			asker, letter := r.ask(providers.Ask{Email: wrong + "@example.test"})
			stranger := providers.Asker{ID: asker.ID, Secret: strings.Repeat("A", 43)}
			try := map[string]func() error{
				"mailed":  func() error { _, err := r.Use(t.Context(), stranger.String(), asker); return err },
				"kept":    func() error { _, err := r.Use(t.Context(), tokenOf(letter), stranger); return err },
				"letters": func() error { _, err := r.UseCode(t.Context(), other(letter.Code), asker); return err },
			}[wrong]
			for range store.WrongHalves {
				if _, err := r.Waiting(t.Context(), asker); err != nil {
					t.Fatalf("%s: it ended too soon: %v", wrong, err)
				}
				if err := try(); !errors.Is(err, providers.ErrLink) {
					t.Fatalf("%s: a wrong half hears %v", wrong, err)
				}
			}
			if _, err := r.Use(t.Context(), tokenOf(letter), asker); !errors.Is(err, providers.ErrLink) {
				t.Errorf("%s: after five wrong ones the right one hears %v", wrong, err)
			}
		}
	})
}

func other(code string) string {
	if code == "BBBBBB" {
		return "CCCCCC"
	}
	return "BBBBBB"
}

func TestWhatCannotBeALinkCostsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, "open", "")
	asker, letter := r.ask(providers.Ask{Email: mara})
	for _, token := range []string{"", ".", "lnk_", "lnk_x.y", strings.Repeat("x", 5000), asker.ID, "ses_" + tokenOf(letter)[4:], tokenOf(letter) + "x"} {
		if _, err := r.Look(t.Context(), token, asker); !errors.Is(err, providers.ErrLink) {
			t.Errorf("look at %.20q: %v", token, err)
		}
		if _, err := r.Use(t.Context(), token, asker); !errors.Is(err, providers.ErrLink) {
			t.Errorf("use %.20q: %v", token, err)
		}
	}
	for range 2 * store.WrongHalves { // a slip of the finger is no try
		for _, typed := range []string{"", "BCD", "AEIOUY", "BCDFGHJ", "123456", strings.Repeat("B", 1000), "BCD\x00FGH"} {
			if _, err := r.UseCode(t.Context(), typed, asker); !errors.Is(err, providers.ErrLink) {
				t.Errorf("letters %.20q: %v", typed, err)
			}
		}
	}
	if _, err := r.UseCode(t.Context(), strings.ToLower(letter.Code), asker); err != nil {
		t.Errorf("the right letters: %v", err)
	}
}

func TestLinkLivesForAnHourAtMost(t *testing.T) {
	t.Parallel()
	for life, fine := range map[time.Duration]bool{0: false, -time.Minute: false, time.Minute: true, time.Hour: true, 61 * time.Minute: false} {
		if _, err := providers.NewMagicLink(providers.Options{Life: life}); (err == nil) != fine {
			t.Errorf("%s: %v", life, err)
		}
	}
	onBothKeepers(t, "open", func(t *testing.T, r *rig) {
		asker, letter := r.ask(providers.Ask{Email: mara})
		if letter.Life != 15*time.Minute || !letter.Deadline.Equal(letter.AskedAt.Add(letter.Life)) {
			t.Errorf("letter %+v", letter)
		}
		r.advance(15*time.Minute + time.Second)
		if _, err := r.Waiting(t.Context(), asker); !errors.Is(err, providers.ErrLink) {
			t.Errorf("waiting for an old link: %v", err)
		}
		if _, err := r.Use(t.Context(), tokenOf(letter), asker); !errors.Is(err, providers.ErrLink) {
			t.Errorf("use an old link: %v", err)
		}
	})
}

func TestUserIsMadeWhenTheLinkIsUsed(t *testing.T) {
	t.Parallel()
	onBothKeepers(t, "open", func(t *testing.T, r *rig) {
		asker, letter := r.ask(providers.Ask{Email: mara})
		if _, err := r.db.UserByEmail(t.Context(), mara); !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("after asking: %v", err)
		}
		first, err := r.Use(t.Context(), tokenOf(letter), asker)
		if err != nil || !first.Created || len(first.AMR) != 1 || first.AMR[0] != providers.MethodMail {
			t.Fatalf("first proof %+v: %v", first, err)
		}
		asker, letter = r.ask(providers.Ask{Email: mara})
		second, err := r.Use(t.Context(), tokenOf(letter), asker)
		if err != nil || second.Created || second.User.ID != first.User.ID {
			t.Errorf("second proof %+v: %v", second, err)
		}
	})
}

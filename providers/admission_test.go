package providers_test

import (
	"errors"
	"testing"

	"github.com/handclasp/handclasp/providers"
	"github.com/handclasp/handclasp/store"
)

func TestSignupSaysWhoMayJoin(t *testing.T) {
	t.Parallel()
	for signup, joins := range map[string]map[string]bool{
		"open":                                {mara: true, "a@elsewhere.test": true},
		"domains:example.test":                {mara: true, "a@elsewhere.test": false, "a@sub.example.test": false, "a@notexample.test": false, "invited@third.test": true},
		"domains:example.test,elsewhere.test": {mara: true, "a@elsewhere.test": true, "a@third.test": false},
		"invite":                              {mara: false, "invited@example.test": true, "invited@third.test": true},
		"closed":                              {mara: false, "invited@example.test": false},
	} {
		t.Run(signup, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, signup, "")
			for _, email := range []string{"invited@example.test", "invited@third.test"} {
				if err := r.db.Invite(t.Context(), email, "", r.now()); err != nil {
					t.Fatal(err)
				}
			}
			for email, may := range joins {
				before := r.mailed()
				asker, letter := r.ask(providers.Ask{Email: email})
				if (r.mailed() > before) != may {
					t.Errorf("%s: mailed %v, want %v", email, r.mailed() > before, may)
				}
				if _, err := r.Waiting(t.Context(), asker); err != nil {
					t.Errorf("%s: its browser waits for nothing: %v", email, err)
				}
				if !may {
					continue
				}
				if _, err := r.Use(t.Context(), tokenOf(letter), asker); err != nil {
					t.Errorf("%s: %v", email, err)
				}
			}
		})
	}
}

// Whoever was disabled, or whose invitation was taken back, after the mail went out does not come in with it.
func TestAdmissionIsAskedAgainWhenTheLinkIsUsed(t *testing.T) {
	t.Parallel()
	r := newRig(t, "open", "")
	asker, letter := r.ask(providers.Ask{Email: mara})
	proof, err := r.Use(t.Context(), tokenOf(letter), asker)
	if err != nil {
		t.Fatal(err)
	}
	asker, letter = r.ask(providers.Ask{Email: mara})
	if err := r.db.SetDisabled(t.Context(), proof.User.ID, true, r.now()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Use(t.Context(), tokenOf(letter), asker); !errors.Is(err, providers.ErrNotAllowed) {
		t.Errorf("a disabled user hears %v", err)
	}
	before := r.mailed()
	r.ask(providers.Ask{Email: mara})
	if r.mailed() != before {
		t.Error("a disabled user was mailed")
	}

	asker, letter = r.ask(providers.Ask{Email: omar})
	r.Admission.Signup, err = providers.ParseSignup("closed")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Use(t.Context(), tokenOf(letter), asker); !errors.Is(err, providers.ErrNotAllowed) {
		t.Errorf("after the doors were closed: %v", err)
	}
	if _, err := r.db.UserByEmail(t.Context(), omar); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a user was made all the same: %v", err)
	}
}

func TestSignupSettingIsReadStrictly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"open": "open", "closed": "closed", "invite": "invite", "domains:Example.test, other.test": "domains:example.test,other.test",
	} {
		if got, err := providers.ParseSignup(text); err != nil || got.String() != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "Open", "all", "open:", "closed:example.test", "domains", "domains:", "domains:example", "domains:*.example.test", "domains:a@example.test", "domains:example.test,"} {
		if got, err := providers.ParseSignup(text); err == nil {
			t.Errorf("%q was read as %q", text, got)
		}
	}
}

package providers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// Records is what this room needs of the durable memory; store.Records says what each method promises.
type Records interface {
	UserByEmail(ctx context.Context, email string) (store.User, error)
	EnsureUser(ctx context.Context, u store.User) (user store.User, created bool, err error)
	Invited(ctx context.Context, email string) (bool, error)
	KnownDevice(ctx context.Context, userID, fingerprint string) (bool, error)
}

// Signup says which unknown addresses become users.
type Signup struct {
	mode    string
	domains []string
}

// The modes of Signup.
const (
	signupOpen    = "open"
	signupDomains = "domains"
	signupInvite  = "invite"
	signupClosed  = "closed"
)

// ParseSignup reads the setting: open, domains:example.test,example.org (and whoever is invited), invite or closed.
func ParseSignup(text string) (Signup, error) {
	mode, list, hasList := strings.Cut(text, ":")
	switch mode {
	case signupOpen, signupInvite, signupClosed:
		if hasList {
			return Signup{}, fmt.Errorf("signup %q: only domains takes a list", text)
		}
		return Signup{mode: mode}, nil
	case signupDomains:
		var domains []string
		for domain := range strings.SplitSeq(list, ",") {
			domain = strings.ToLower(strings.TrimSpace(domain))
			if !strings.Contains(domain, ".") || strings.ContainsAny(domain, "@ */") {
				return Signup{}, fmt.Errorf("signup %q: %q is no domain", text, domain)
			}
			domains = append(domains, domain)
		}
		return Signup{mode: mode, domains: domains}, nil
	default:
		return Signup{}, fmt.Errorf("signup %q: want open, domains:example.test, invite or closed", text)
	}
}

// String is what ParseSignup reads.
func (s Signup) String() string {
	if s.mode == signupDomains {
		return s.mode + ":" + strings.Join(s.domains, ",")
	}
	return s.mode
}

// Admission decides who may sign in: every user who is not disabled, and unknown addresses as the setting says.
type Admission struct {
	Records Records
	Journal sessions.Recorder
	Signup  Signup
	Now     func() time.Time
}

// MayAsk reports whether this address may sign in now: a user who is not disabled, or somebody who may join. No mail goes
// to whoever could not use it.
func (a *Admission) MayAsk(ctx context.Context, email string) (bool, error) {
	user, err := a.Records.UserByEmail(ctx, email)
	if err == nil {
		return !user.Disabled(), nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return false, fmt.Errorf("look up user: %w", err)
	}
	return a.mayJoin(ctx, email)
}

// Admit returns the user of a proven address, making it if the setting allows. ErrNotAllowed otherwise.
func (a *Admission) Admit(ctx context.Context, email string) (store.User, bool, error) {
	may, err := a.MayAsk(ctx, email)
	if err != nil {
		return store.User{}, false, err
	}
	if !may {
		return store.User{}, false, ErrNotAllowed
	}
	now := a.Now()
	user, created, err := a.Records.EnsureUser(ctx, store.User{
		ID: store.NewID(store.UserPrefix), Email: email, CreatedAt: now, VerifiedAt: now,
	})
	if err != nil {
		return store.User{}, false, fmt.Errorf("make user: %w", err)
	}
	if user.Disabled() { // since we looked
		return store.User{}, false, ErrNotAllowed
	}
	if created {
		a.Journal.Record(ctx, store.Event{Type: "user.create", UserID: user.ID, Actor: user.ID, Result: sessions.OK})
	}
	return user, created, nil
}

func (a *Admission) mayJoin(ctx context.Context, email string) (bool, error) {
	switch a.Signup.mode {
	case signupOpen:
		return true, nil
	case signupDomains, signupInvite:
		if slices.Contains(a.Signup.domains, email[strings.LastIndexByte(email, '@')+1:]) {
			return true, nil
		}
		invited, err := a.Records.Invited(ctx, email)
		if err != nil {
			return false, fmt.Errorf("look up invitation: %w", err)
		}
		return invited, nil
	default:
		return false, nil
	}
}

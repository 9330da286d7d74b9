package cli

import (
	"cmp"
	"time"

	"github.com/handclasp/handclasp/cli/screen"
)

// signedIn is the result of a login for machines.
type signedIn struct {
	Event       string     `json:"event"`
	Already     bool       `json:"already_signed_in"`
	UserID      string     `json:"user_id,omitempty"`
	Email       string     `json:"email,omitempty"`
	Issuer      string     `json:"issuer"`
	Profile     string     `json:"profile"`
	DeviceName  string     `json:"device_name"`
	Credentials string     `json:"credentials"`
	Keyring     bool       `json:"keyring"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty"`
}

// welcome says who is signed in, where, as which device, where the credentials lie,
// when they end, and what to type next.
func (c *call) welcome(s *Session, already bool) error {
	kept, err := s.load()
	if err != nil {
		return err
	}
	if c.json {
		return c.print(signedIn{
			Event: "result", Already: already, UserID: kept.UserID, Email: kept.Email, Issuer: kept.Issuer,
			Profile: s.profile, DeviceName: kept.DeviceName, Credentials: s.vault.Path(),
			Keyring: kept.InKeyring, ExpiresAt: kept.ExpiresAt,
		})
	}
	how := "Signed in as "
	if already {
		how = "Already signed in as "
	}
	c.screen.Say("%s%s.\n", how, c.screen.Bold(cmp.Or(kept.Email, kept.UserID, "somebody")))
	c.screen.Say("  server       %s", kept.Issuer)
	c.screen.Say("  device       %s", kept.DeviceName)
	if s.profile != "default" {
		c.screen.Say("  profile      %s", s.profile)
	}
	c.screen.Say("  credentials  %s", where(s.vault.Path(), kept.InKeyring))
	if kept.ExpiresAt != nil {
		c.screen.Say("  good until   %s (%s)", screen.Day(*kept.ExpiresAt), screen.Span(time.Until(*kept.ExpiresAt)))
	}
	next := c.words.command("whoami")
	if already {
		next = c.words.command("login", "--force")
	}
	c.screen.Say("\nNext: %s", c.screen.Bold(next))
	return nil
}

func where(path string, keyring bool) string {
	if keyring {
		return "the keyring, and " + short(path)
	}
	return short(path)
}

package pages

import (
	"errors"
	"fmt"
	"html/template"
	"regexp"
	"strings"
)

// maxLogo keeps a page with its stylesheet within what one round trip carries.
const maxLogo = 8 << 10

var (
	hostForm     = regexp.MustCompile(`^[A-Za-z0-9.\-]+(:[0-9]+)?$|^\[[0-9A-Fa-f:.]+\](:[0-9]+)?$`)
	ownPathForm  = regexp.MustCompile(`^/[A-Za-z0-9._~\-][A-Za-z0-9._~/\-]*$`)
	dataLogoForm = regexp.MustCompile(`^data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}$`)
)

func (s Site) withDefaults() Site {
	if s.Name == "" {
		s.Name = "Handclasp"
	}
	if s.Accent == "" {
		s.Accent = "#2952cc"
	}
	if s.Command == "" {
		s.Command = "handclasp login"
	}
	return s
}

func (s Site) check() error {
	var wrong []error
	if !hostForm.MatchString(s.Host) {
		wrong = append(wrong, fmt.Errorf("host of the pages %q: not a host", s.Host))
	}
	if len([]rune(s.Name)) > 60 || label(s.Name) != s.Name {
		wrong = append(wrong, fmt.Errorf("name of the site %q: must be at most 60 letters on one line", s.Name))
	}
	return errors.Join(wrong...)
}

// checkLogo answers a URL that html/template may leave as it is. A foreign host is refused: no page of ours tells
// a third party who opens it.
func checkLogo(logo string) (template.URL, error) {
	switch {
	case logo == "", ownPathForm.MatchString(logo):
	case !strings.HasPrefix(logo, "data:"):
		return "", fmt.Errorf("logo %q: must be a path of this server or a data: image", logo)
	case len(logo) > maxLogo:
		return "", fmt.Errorf("logo: %d bytes, the most is %d", len(logo), maxLogo)
	case !dataLogoForm.MatchString(logo):
		return "", errors.New("logo: must be data:image/png, jpeg, gif, webp or svg+xml in base64")
	}
	return template.URL(logo), nil //nolint:gosec // G203: checked against the two forms above
}

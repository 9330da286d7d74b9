package keys

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// fixed says which of the two the settings give instead of the folder.
type fixed struct {
	signing, roots bool
	since          time.Time
}

// given looks at what the settings give and refuses what contradicts itself.
func given(o Options) (fixed, error) {
	f := fixed{
		signing: o.KeyFile != "" || len(o.KeyPEM) > 0,
		roots:   strings.TrimSpace(o.RootSecret) != "",
		since:   o.Now().UTC(),
	}
	if o.KeyFile != "" && len(o.KeyPEM) > 0 {
		return f, errors.New("open keys: the signing key is given twice, as a file and as text")
	}
	return f, nil
}

// overlay puts what the settings give in place of what the folder has.
func (f fixed) overlay(m *material, o Options) error {
	if f.signing {
		if err := f.overlayKeys(m, o); err != nil {
			return fmt.Errorf("read the signing key of the settings: %w", err)
		}
	}
	if f.roots {
		if err := f.overlayRoots(m, o.RootSecret); err != nil {
			return fmt.Errorf("read the root secret of the settings: %w", err)
		}
	}
	return nil
}

func (f fixed) overlayKeys(m *material, o Options) error {
	text := o.KeyPEM
	if o.KeyFile != "" {
		var err error
		if text, err = readPrivate(o.KeyFile); err != nil {
			return err
		}
	}
	found, err := parsePEM(text)
	if err != nil {
		return err
	}
	m.Signing, m.keys = nil, map[string]*rsa.PrivateKey{}
	for i, key := range found {
		e := entry{ID: thumbprint(&key.PublicKey), MadeAt: f.since}
		if i == 0 {
			e.ActiveAt = f.since
		}
		if find(m.Signing, e.ID) < 0 {
			m.Signing = append(m.Signing, e)
		}
		m.keys[e.ID] = key
	}
	return nil
}

func (f fixed) overlayRoots(m *material, lines string) error {
	m.Roots, m.roots = nil, map[string][]byte{}
	for i, line := range strings.Fields(lines) {
		secret, err := decodeSecret(line)
		if err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
		at := f.since.Add(-time.Duration(i) * time.Second) // the first is the newest, so it is the one in use
		e := entry{ID: rootID(secret), MadeAt: at, ActiveAt: at}
		if find(m.Roots, e.ID) < 0 {
			m.Roots = append(m.Roots, e)
		}
		m.roots[e.ID] = secret
	}
	return nil
}

func decodeSecret(text string) ([]byte, error) {
	if secret, err := hex.DecodeString(text); err == nil && len(secret) >= rootBytes {
		return secret, nil
	}
	text = strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(text), "=")
	secret, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(secret) < rootBytes {
		return nil, fmt.Errorf("want at least %d random bytes in base64 or hex, such as from `openssl rand -base64 32`", rootBytes)
	}
	return secret, nil
}

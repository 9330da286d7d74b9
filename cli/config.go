package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
)

// config is config.toml. Every member may be left out.
type config struct {
	Issuer         string `toml:"issuer"`
	ClientID       string `toml:"client_id"`
	Profile        string `toml:"profile"`
	CAFile         string `toml:"ca_file"`
	BrowserCommand string `toml:"browser_command"`
	Keyring        *bool  `toml:"keyring"`
	Color          *bool  `toml:"color"`
}

// readConfig reads the file if there is one. A setting that nobody knows is an error:
// a typing mistake must not pass for a choice.
func readConfig(name string) (config, error) {
	var c config
	dir, err := configDir(name)
	if errors.Is(err, errNoHome) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	path := filepath.Join(dir, "config.toml")
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	read, err := toml.Decode(string(raw), &c)
	if err != nil {
		return c, usage(fmt.Sprintf("%s: %s", short(path), err), "")
	}
	if unknown := read.Undecoded(); len(unknown) > 0 {
		return c, usage(fmt.Sprintf("%s: there is no setting %q", short(path), unknown[0].String()), "")
	}
	return c, nil
}

// flags are the flags of every command.
type flags struct {
	issuer, profile, caFile                         string
	noKeyring, json, quiet, noColor, noInput, debug bool
}

// settings is what flags, environment, file and the embedding program say together, in
// this order of weight.
type settings struct {
	Options
	// fallback is a server that was named long ago: by the file, the embedding program,
	// or the last login. It serves where no other is meant.
	fallback       string
	browserCommand string
	browserNamed   bool // for this program: BROWSER may be set everywhere, so it only says which
	noColor        bool
}

func (a *app) settings() (settings, error) {
	file, err := readConfig(a.options.Name)
	if err != nil {
		return settings{}, err
	}
	env := func(name string) string { return os.Getenv(variable(a.options.Name, name)) }
	set := settings{Options: a.options}
	set.Issuer = cmp.Or(a.flags.issuer, env("ISSUER"))
	set.ClientID = cmp.Or(env("CLIENT_ID"), file.ClientID, a.options.ClientID)
	set.Profile = cmp.Or(a.flags.profile, env("PROFILE"), file.Profile, a.options.Profile)
	set.CAFile = cmp.Or(a.flags.caFile, env("CA_FILE"), file.CAFile, a.options.CAFile)
	set.AccessToken = cmp.Or(strings.TrimSpace(env("TOKEN")), a.options.AccessToken)
	set.NoKeyring, err = noKeyring(a.flags.noKeyring, env("KEYRING"), file.Keyring, a.options.NoKeyring)
	set.noColor = a.flags.noColor || (file.Color != nil && !*file.Color)
	named := cmp.Or(env("BROWSER"), file.BrowserCommand)
	set.browserCommand, set.browserNamed = cmp.Or(named, os.Getenv("BROWSER")), named != ""
	set.fallback = cmp.Or(file.Issuer, a.options.Issuer)
	return set, err
}

func noKeyring(flag bool, env string, file *bool, otherwise bool) (bool, error) {
	switch strings.ToLower(env) {
	case "off", "0", "false", "no":
		return true, nil
	case "", "on", "1", "true", "yes":
	default:
		return false, usage(fmt.Sprintf("the keyring is on or off, not %q", env), "")
	}
	switch {
	case flag:
		return true, nil
	case env != "":
		return false, nil
	case file != nil:
		return !*file, nil
	}
	return otherwise, nil
}

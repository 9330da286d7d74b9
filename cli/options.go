package cli

import (
	"cmp"
	"errors"
	"net/http"
	"runtime"

	"github.com/handclasp/handclasp/cli/flow"
	"github.com/handclasp/handclasp/cli/machine"
	"github.com/handclasp/handclasp/cli/vault"
)

// Options is how a program signs in. Only Issuer must be set, and OnCode or OnAddress for Login.
type Options struct {
	// Issuer is the server, such as https://login.example.test.
	Issuer string
	// ClientID is what the server knows the program by. Default: handclasp.
	ClientID string
	// Name is the program's: its folder, its entries in the keyring, the prefix of its
	// environment variables and the first word of its commands. Default: handclasp.
	Name string
	// Version is what the program calls its version. Default: from the build.
	Version string
	// Scopes are asked for at login. Default: DefaultScopes for the client handclasp, none for a client of your own,
	// which has those that it was registered with.
	Scopes []string
	// Resource is the audience of Token. Default: the first one of the client.
	Resource string
	// Profile keeps several sign-ins of one person apart. Default: default.
	Profile string
	// Dir is the folder of the credentials. Default: the platform's folder for state.
	Dir string
	// NoKeyring keeps the refresh token in the file even where there is a keyring.
	NoKeyring bool
	// CAFile is a file of authorities to trust besides the system's own.
	CAFile string
	// AccessToken, when set, is used instead of everything that is kept.
	AccessToken string
	// DeviceName is what the approval page calls this device. Default: its host name.
	DeviceName string
	// NewDevice makes a new fingerprint at login: a device that the server has never seen.
	NewDevice bool
	// Transport carries the requests. Default: HTTPS, through the proxy of the environment.
	Transport http.RoundTripper
	// OnCode shows the person where to go and which code to type.
	OnCode func(Code)
	// OnAddress shows the person an address to be opened in a browser on this machine, which comes back by itself. If it
	// is set, Login goes this way where the server offers it, and turns to OnCode, if that is set too, when the browser
	// does not come back in three minutes or Address.GiveUp is called.
	OnAddress func(*Address)
	// OnTrouble hears why the wait does not get on, and nil when it does again. Optional.
	OnTrouble func(error)
}

// Code is what the person needs to see.
type Code = flow.Code

// Address is what a browser on this machine needs to open.
type Address = flow.Web

// DefaultScopes are enough to say who is signed in, and to list and
// end one's own devices.
func DefaultScopes() []string {
	return []string{"account:read", "account:devices"}
}

// withDefaults fills in what was left open.
func (o Options) withDefaults() (Options, error) {
	o.Name = cmp.Or(o.Name, "handclasp")
	o.ClientID = cmp.Or(o.ClientID, "handclasp")
	o.Profile = cmp.Or(o.Profile, "default")
	o.DeviceName = cmp.Or(o.DeviceName, machine.Name())
	o.Version = cmp.Or(o.Version, buildVersion())
	if o.Scopes == nil && o.ClientID == "handclasp" {
		o.Scopes = DefaultScopes()
	}
	var err error
	if o.Dir == "" {
		o.Dir, err = stateDir(o.Name)
	}
	if err == nil && o.Issuer != "" {
		o.Issuer, err = flow.ParseIssuer(o.Issuer)
	}
	if err == nil && o.Transport == nil {
		o.Transport, err = flow.NewTransport(o.CAFile)
	}
	return o, errors.Join(err, vault.CheckProfile(o.Profile))
}

func (o Options) vault() *vault.Vault {
	return &vault.Vault{Dir: o.Dir, Service: o.Name, Keyring: !o.NoKeyring}
}

func (o Options) client(issuer, id, fingerprint string) *flow.Client {
	return &flow.Client{
		Issuer: issuer, ID: id, Fingerprint: fingerprint, Transport: o.Transport,
		UserAgent: o.Name + "/" + o.Version + " (" + runtime.GOOS + "; " + runtime.GOARCH + ")",
	}
}

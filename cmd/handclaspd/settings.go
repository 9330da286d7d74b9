package main

import (
	"net"
	"net/url"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// Settings are everything that an operator can say. Each has one name, which is a flag (--signup), a variable
// (HANDCLASPD_SIGNUP) and a key of the file (signup): the flag wins, then the variable, then the file, then the default.
// A setting marked secret may also be given as HANDCLASPD_…_FILE, the path of a file that holds it. Its mark says what
// config print may show: nothing of what is secret as a whole, a url without its password, a path that is no URL.
type Settings struct {
	Listen         string `name:"listen" default:"127.0.0.1:8080" value:"host:port" help:"address to serve on" group:"Where it is reached"`
	Issuer         string `name:"issuer" value:"url" help:"the server's own URL, without a path (default http:// and the listen address)"`
	TLSCert        string `name:"tls-cert" value:"file" help:"certificate chain, PEM"`
	TLSKey         string `name:"tls-key" value:"file" help:"its private key, PEM"`
	TrustedProxies string `name:"trusted-proxies" value:"list" help:"addresses and CIDR blocks whose X-Forwarded-For is believed"`
	OpsListen      string `name:"ops-listen" default:"127.0.0.1:9090" value:"host:port" help:"address for /livez, /readyz and /metrics; none turns it off"`

	Data      string        `name:"data" default:"./data" value:"folder" help:"folder for the database, the keys and the outbox" group:"What it keeps"`
	Database  string        `name:"database" value:"file" help:"the SQLite file (default handclasp.db in the data folder)" secret:"path"`
	Redis     string        `name:"redis" value:"url" help:"redis://host:port for tickets (default none: they lie in the database)" secret:"url"`
	Retention time.Duration `name:"retention" default:"4320h" help:"how long ended sessions and events are kept"`

	Signup          string        `name:"signup" value:"who" help:"open, domains:example.test (and who is invited), invite or closed (default open on loopback)" group:"People and mail"`
	SMTP            string        `name:"smtp" value:"url" help:"smtp://user:password@host:587, smtps://…; ?tls=none without TLS (default none: the outbox folder)" secret:"url"`
	MailFrom        string        `name:"mail-from" value:"address" help:"sender of all mails"`
	LinkLife        time.Duration `name:"link-life" default:"15m" help:"life of a link in a mail, an hour at most"`
	BrowserIdle     time.Duration `name:"browser-idle" default:"30m" help:"life of a browser session without use"`
	BrowserAbsolute time.Duration `name:"browser-absolute" default:"8h" help:"life of a browser session altogether"`
	SiteName        string        `name:"site-name" default:"Handclasp" value:"text" help:"what pages and mails call this server"`
	Accent          string        `name:"accent" value:"#rrggbb" help:"accent colour of the pages"`
	Logo            string        `name:"logo" value:"data:…" help:"logo of the pages: data:image/…;base64,…"`

	CodeLife        time.Duration `name:"code-life" default:"10m" help:"life of a code" group:"Codes and tokens"`
	Interval        time.Duration `name:"interval" default:"5s" help:"polling interval"`
	WaitMost        time.Duration `name:"wait-most" default:"30s" help:"longest Prefer: wait that is held"`
	HeldMost        int           `name:"held-most" default:"10000" help:"polls that are held at once"`
	AccessLife      time.Duration `name:"access-life" default:"15m" help:"life of an access token, an hour at most"`
	RefreshIdle     time.Duration `name:"refresh-idle" default:"720h" help:"life of a session without use"`
	RefreshAbsolute time.Duration `name:"refresh-absolute" default:"2160h" help:"life of a session altogether"`
	DevicesMost     int           `name:"devices-most" default:"20" help:"devices that one user may have signed in, apps in a browser aside"`
	Signer          string        `name:"signer" default:"auto" value:"which" help:"auto, go or openssl"`
	SigningKey      string        `name:"signing-key" value:"pem" help:"RSA private key to sign with, instead of the data folder's" secret:"whole"`
	LimitScale      float64       `name:"limit-scale" default:"1" help:"multiplies every rate limit"`

	Registration          string        `name:"registration" default:"off" value:"who" help:"who may register clients over the network: nobody (off), whoever has an initial access token (token), everybody (open)" group:"Clients that come by themselves"`
	ClientDocuments       string        `name:"client-documents" default:"off" value:"hosts" help:"clients that are known by a document at the address that is their id: off, any, or the hosts where such documents may lie"`
	RegistrationScopes    string        `name:"registration-scopes" value:"list" help:"scopes that such clients may have beside openid, profile, email and offline_access"`
	RegistrationAudiences string        `name:"registration-audiences" value:"list" help:"APIs that their tokens are for, the first is the default (default the issuer)"`
	RegistrationMost      int           `name:"registration-most" default:"1000" help:"how many of them there may be"`
	RegistrationUnused    time.Duration `name:"registration-unused" default:"2160h" help:"how long one is kept that nobody uses"`

	Events   string `name:"events" value:"file" help:"security events, one JSON line each; - for stdout (default events.jsonl in the data folder)" group:"What it tells"`
	LogLevel string `name:"log-level" default:"info" value:"level" help:"debug, info, warn or error (default info for serve, warn for the others)"`
	LogJSON  bool   `name:"log-json" help:"write logs as JSON"`
}

const (
	envPrefix  = "HANDCLASPD_"
	configName = "config" // the one flag that is no setting: where the settings file is
	configHelp = "settings file in TOML (default handclaspd.toml in the data folder, if there is one)"
)

// fieldsOf walks over the settings.
func fieldsOf(s *Settings, visit func(field reflect.StructField, value reflect.Value)) {
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		visit(v.Type().Field(i), v.Field(i))
	}
}

func nameOf(f reflect.StructField) string { return f.Tag.Get("name") }

func isSecret(f reflect.StructField) bool { return f.Tag.Get("secret") != "" }

func envName(f reflect.StructField) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(nameOf(f), "-", "_"))
}

// addFlags defines a flag for each setting, all of them texts: readSettings parses them.
func addFlags(flags *pflag.FlagSet) {
	fieldsOf(&Settings{}, func(f reflect.StructField, _ reflect.Value) {
		flags.String(nameOf(f), f.Tag.Get("default"), f.Tag.Get("help"))
		if f.Type.Kind() == reflect.Bool {
			flags.Lookup(nameOf(f)).NoOptDefVal = "true"
		}
	})
	flags.String(configName, "", configHelp)
}

// fillIn derives the defaults that depend on other settings.
func (s *Settings) fillIn() {
	if s.Issuer == "" && loopback(hostOf(s.Listen)) {
		s.Issuer = "http://" + s.Listen
	}
	s.Issuer = strings.TrimSuffix(s.Issuer, "/")
	if s.Database == "" {
		s.Database = filepath.Join(s.Data, "handclasp.db")
	}
	if s.Events == "" {
		s.Events = filepath.Join(s.Data, "events.jsonl")
	}
	if s.Signup == "" && s.loopback() {
		s.Signup = "open"
	}
	if s.MailFrom == "" && s.loopback() {
		s.MailFrom = "handclasp@localhost.localdomain"
	}
}

// loopback reports whether the issuer is this machine only, where nobody else can be harmed by a lax setting.
func (s *Settings) loopback() bool {
	u, err := url.Parse(s.Issuer)
	return err == nil && loopback(u.Hostname())
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// hostOf is the host of an address to listen on; empty for every address of this machine.
func hostOf(listen string) string {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return ""
	}
	return host
}

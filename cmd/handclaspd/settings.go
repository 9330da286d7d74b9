package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/spf13/pflag"

	"github.com/handclasp/handclasp/providers"
	"github.com/handclasp/handclasp/server"
)

// Settings are everything that an operator can say. Each has one name, which is a flag (--signup), a variable
// (HANDCLASPD_SIGNUP) and a key of the file (signup): the flag wins, then the variable, then the file, then the default.
// A setting marked secret may also be given as HANDCLASPD_…_FILE, the path of a file that holds it.
type Settings struct {
	Listen         string `name:"listen" default:"127.0.0.1:8080" help:"address to serve on"`
	Issuer         string `name:"issuer" help:"the server's own URL, without a path (default: http:// and the listen address)"`
	Data           string `name:"data" default:"./data" help:"folder for the database, the keys and the outbox"`
	Database       string `name:"database" help:"path of the SQLite file (default: handclasp.db in the data folder)" secret:"yes"`
	Redis          string `name:"redis" help:"redis://… for tickets (default: none, they lie in the database)" secret:"yes"`
	SMTP           string `name:"smtp" help:"smtp://user:password@host:587 (?tls=none for a server without TLS) or smtps://… (default: none, mails go to the outbox folder)" secret:"yes"`
	MailFrom       string `name:"mail-from" help:"sender of all mails"`
	Signup         string `name:"signup" help:"who may sign up: open, domains:example.test, invite or closed (default: open on loopback)"`
	TLSCert        string `name:"tls-cert" help:"certificate chain, PEM"`
	TLSKey         string `name:"tls-key" help:"its private key, PEM"`
	TrustedProxies string `name:"trusted-proxies" help:"addresses and CIDR blocks whose X-Forwarded-For is believed"`
	OpsListen      string `name:"ops-listen" default:"127.0.0.1:9090" help:"address for /livez, /readyz and /metrics; none turns it off"`

	SiteName string `name:"site-name" default:"Handclasp" help:"what pages and mails call this server"`
	Accent   string `name:"accent" help:"accent colour of the pages, #rrggbb"`
	Logo     string `name:"logo" help:"logo of the pages: data:image/…;base64,…"`

	Signer          string        `name:"signer" default:"auto" help:"auto, go or openssl"`
	SigningKey      string        `name:"signing-key" help:"RSA private key in PEM to sign with, instead of the data folder's" secret:"yes"`
	AccessLife      time.Duration `name:"access-life" default:"15m" help:"life of an access token"`
	RefreshIdle     time.Duration `name:"refresh-idle" default:"720h" help:"life of a session without use"`
	RefreshAbsolute time.Duration `name:"refresh-absolute" default:"2160h" help:"life of a session altogether"`
	CodeLife        time.Duration `name:"code-life" default:"10m" help:"life of a code"`
	Interval        time.Duration `name:"interval" default:"5s" help:"polling interval"`
	WaitMost        time.Duration `name:"wait-most" default:"30s" help:"longest Prefer: wait that is held"`
	HeldMost        int           `name:"held-most" default:"10000" help:"polls that are held at once"`
	LinkLife        time.Duration `name:"link-life" default:"15m" help:"life of a link in a mail, an hour at most"`
	BrowserIdle     time.Duration `name:"browser-idle" default:"30m" help:"life of a browser session without use"`
	BrowserAbsolute time.Duration `name:"browser-absolute" default:"8h" help:"life of a browser session altogether"`
	Retention       time.Duration `name:"retention" default:"4320h" help:"how long ended sessions and events are kept"`
	LimitScale      float64       `name:"limit-scale" default:"1" help:"multiplies every rate limit"`

	Events   string `name:"events" help:"file for security events, one JSON line each; - for stdout (default: events.jsonl in the data folder)"`
	LogLevel string `name:"log-level" default:"info" help:"debug, info, warn or error"`
	LogJSON  bool   `name:"log-json" help:"write logs as JSON"`
}

const envPrefix = "HANDCLASPD_"

// fieldsOf walks over the settings.
func fieldsOf(s *Settings, visit func(field reflect.StructField, value reflect.Value)) {
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		visit(v.Type().Field(i), v.Field(i))
	}
}

// addFlags defines a flag for each setting, all of them texts: read parses them.
func addFlags(flags *pflag.FlagSet) {
	fieldsOf(&Settings{}, func(f reflect.StructField, _ reflect.Value) {
		name := f.Tag.Get("name")
		flags.String(name, f.Tag.Get("default"), f.Tag.Get("help"))
		if f.Type.Kind() == reflect.Bool {
			flags.Lookup(name).NoOptDefVal = "true"
		}
	})
	flags.String("config", "", "settings file in TOML (default: handclaspd.toml in the data folder, if there is one)")
}

// readSettings gathers the settings from their four places and reports every mistake at once.
func readSettings(flags *pflag.FlagSet, environ []string) (Settings, error) {
	env := map[string]string{}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok && strings.HasPrefix(name, envPrefix) {
			env[name] = value
		}
	}
	file, problems := readFile(flags, env)
	var s Settings
	fieldsOf(&s, func(f reflect.StructField, v reflect.Value) {
		text, err := lookUp(f, flags, env, file)
		if err == nil {
			err = assign(v, text)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", f.Tag.Get("name"), err))
		}
		delete(env, envName(f))
		delete(env, envName(f)+"_FILE")
		delete(file, f.Tag.Get("name"))
	})
	delete(env, envPrefix+"CONFIG")
	for name := range env {
		problems = append(problems, fmt.Errorf("%s: there is no such setting", name))
	}
	for name := range file {
		problems = append(problems, fmt.Errorf("%s in the settings file: there is no such setting", name))
	}
	s.fillIn()
	return s, errors.Join(append(problems, s.check()...)...)
}

func envName(f reflect.StructField) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(f.Tag.Get("name"), "-", "_"))
}

func lookUp(f reflect.StructField, flags *pflag.FlagSet, env, file map[string]string) (string, error) {
	name := f.Tag.Get("name")
	if flags.Changed(name) {
		return flags.GetString(name)
	}
	if text, ok := env[envName(f)]; ok {
		return text, nil
	}
	if path, ok := env[envName(f)+"_FILE"]; ok {
		if f.Tag.Get("secret") == "" {
			return "", fmt.Errorf("%s_FILE: only secrets are read from files of their own", envName(f))
		}
		text, err := os.ReadFile(path)
		return strings.TrimSpace(string(text)), err
	}
	if text, ok := file[name]; ok {
		return text, nil
	}
	return f.Tag.Get("default"), nil
}

// readFile reads the settings file into texts. A file that was named must be there; the one in the data folder need not.
func readFile(flags *pflag.FlagSet, env map[string]string) (map[string]string, []error) {
	path, named := env[envPrefix+"CONFIG"], true
	if flags.Changed("config") {
		path, _ = flags.GetString("config")
	}
	if path == "" {
		data, _ := flags.GetString("data")
		if dir, ok := env[envPrefix+"DATA"]; ok && !flags.Changed("data") {
			data = dir
		}
		path, named = filepath.Join(data, "handclaspd.toml"), false
	}
	var parsed map[string]any
	_, err := toml.DecodeFile(path, &parsed)
	if errors.Is(err, os.ErrNotExist) && !named {
		return nil, nil
	}
	if err != nil {
		return nil, []error{fmt.Errorf("read settings file: %w", err)}
	}
	texts := make(map[string]string, len(parsed))
	for name, value := range parsed {
		texts[name] = fmt.Sprint(value)
	}
	return texts, nil
}

func assign(v reflect.Value, text string) error {
	switch v.Interface().(type) {
	case string:
		v.SetString(text)
	case time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return fmt.Errorf("%q is not a duration such as 15m", text)
		}
		v.SetInt(int64(d))
	case int:
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return fmt.Errorf("%q is not a number", text)
		}
		v.SetInt(int64(n))
	case float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || n <= 0 || n > 1e6 {
			return fmt.Errorf("%q is not a positive number", text)
		}
		v.SetFloat(n)
	case bool:
		b, err := strconv.ParseBool(orFalse(text))
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		v.SetBool(b)
	}
	return nil
}

func orFalse(text string) string {
	if text == "" {
		return "false"
	}
	return text
}

// fillIn derives the defaults that depend on other settings.
func (s *Settings) fillIn() {
	if s.Issuer == "" {
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
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// check returns every mistake, each with what to do about it.
func (s *Settings) check() []error {
	var problems []error
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	u, err := url.Parse(s.Issuer)
	switch {
	case err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https":
		wrong("issuer %q: want a URL such as https://login.example.test, without a path", s.Issuer)
	case u.Scheme == "http" && !s.loopback():
		wrong("issuer %q: must be https; give --tls-cert and --tls-key, or put a proxy in front and name it in --trusted-proxies", s.Issuer)
	case u.Scheme == "https" && s.TLSCert == "" && s.TrustedProxies == "":
		wrong("issuer %q: who speaks https? give --tls-cert and --tls-key, or name the proxy in --trusted-proxies", s.Issuer)
	}
	if !s.loopback() {
		if s.SMTP == "" {
			wrong("smtp: missing; a server that others reach must send its mails (smtp://user:password@host:587)")
		}
		if s.MailFrom == "" {
			wrong("mail-from: missing; mails need a sender")
		}
		if s.Signup == "" {
			wrong("signup: missing; say who may sign up: open, domains:example.test, invite or closed")
		}
	}
	if s.Signup != "" {
		if _, err := providers.ParseSignup(s.Signup); err != nil {
			problems = append(problems, err)
		}
	}
	if (s.TLSCert == "") != (s.TLSKey == "") {
		wrong("tls-cert and tls-key go together")
	}
	if _, err := server.ParseProxies(s.TrustedProxies); err != nil {
		problems = append(problems, err)
	}
	if strings.HasPrefix(s.Database, "postgres") {
		wrong("database: this version keeps its records in SQLite; give a path")
	}
	return append(problems, s.checkLives()...)
}

func (s *Settings) checkLives() []error {
	var problems []error
	atMost := func(name string, got, most time.Duration) {
		if got > most {
			problems = append(problems, fmt.Errorf("%s: %s is more than %s", name, got, most))
		}
	}
	atMost("link-life", s.LinkLife, time.Hour)
	atMost("access-life", s.AccessLife, time.Hour)
	atMost("wait-most", s.WaitMost, 30*time.Second)
	atMost("refresh-idle", s.RefreshIdle, s.RefreshAbsolute)
	atMost("browser-idle", s.BrowserIdle, s.BrowserAbsolute)
	if s.Interval < time.Second {
		problems = append(problems, fmt.Errorf("interval: %s is less than a second", s.Interval))
	}
	return problems
}

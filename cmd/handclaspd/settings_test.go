package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// given is what an operator says in the four places.
type given struct {
	args []string
	env  []string
	file string
}

// read gathers the settings as the program does, in a folder of its own.
func (g given) read(t *testing.T) (Settings, sources, error) {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, "handclaspd.toml")
	if err := os.WriteFile(path, []byte(g.file), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	addFlags(flags)
	if err := flags.Parse(g.args); err != nil {
		t.Fatal(err)
	}
	env := append([]string{"HANDCLASPD_CONFIG=" + path, "PATH=/bin", "HOME=" + folder}, g.env...)
	return readSettings(flags, env)
}

func TestFlagBeatsEnvironmentBeatsFileBeatsDefault(t *testing.T) {
	t.Parallel()
	for _, kind := range []struct {
		name            string // of the setting
		file            string // as it stands in the file
		flag, env       string
		want            [4]any // by the flag, the variable, the file, the default
		field           func(Settings) any
		environmentName string
	}{
		{
			"site-name", `"of the file"`, "of the flag", "of the environment",
			[4]any{"of the flag", "of the environment", "of the file", "Handclasp"},
			func(s Settings) any { return s.SiteName }, "HANDCLASPD_SITE_NAME",
		},
		{
			"code-life", `"3m"`, "1m", "2m",
			[4]any{time.Minute, 2 * time.Minute, 3 * time.Minute, 10 * time.Minute},
			func(s Settings) any { return s.CodeLife }, "HANDCLASPD_CODE_LIFE",
		},
		{
			"held-most", "3", "1", "2",
			[4]any{1, 2, 3, 10_000},
			func(s Settings) any { return s.HeldMost }, "HANDCLASPD_HELD_MOST",
		},
		{
			"limit-scale", "3.5", "1.5", "2.5",
			[4]any{1.5, 2.5, 3.5, 1.0},
			func(s Settings) any { return s.LimitScale }, "HANDCLASPD_LIMIT_SCALE",
		},
		{
			"log-json", "true", "true", "false",
			[4]any{true, false, true, false},
			func(s Settings) any { return s.LogJSON }, "HANDCLASPD_LOG_JSON",
		},
		{
			"smtp", `"smtp://file.example.test"`, "smtp://flag.example.test", "smtp://environment.example.test",
			[4]any{"smtp://flag.example.test", "smtp://environment.example.test", "smtp://file.example.test", ""},
			func(s Settings) any { return s.SMTP }, "HANDCLASPD_SMTP",
		},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			g := given{
				args: []string{"--" + kind.name + "=" + kind.flag}, env: []string{kind.environmentName + "=" + kind.env},
				file: kind.name + " = " + kind.file,
			}
			for i, from := range []source{fromFlag, fromEnv, fromFile, fromDefault} {
				s, where, err := g.read(t)
				if err != nil {
					t.Fatal(err)
				}
				if got := kind.field(s); got != kind.want[i] || where[kind.name] != from {
					t.Errorf("got %v from %s, want %v from %s", got, where[kind.name], kind.want[i], from)
				}
				switch from { // the next round does without
				case fromFlag:
					g.args = nil
				case fromEnv:
					g.env = nil
				default:
					g.file = ""
				}
			}
		})
	}
}

func TestFlagWithoutValueSaysYes(t *testing.T) {
	t.Parallel()
	s, _, err := given{args: []string{"--log-json"}}.read(t)
	if err != nil || !s.LogJSON {
		t.Errorf("log-json is %v, %v", s.LogJSON, err)
	}
}

func TestSecretsMayLieInFilesOfTheirOwn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("smtp://ada:hunter2@mail.example.test\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, from, err := given{env: []string{"HANDCLASPD_SMTP_FILE=" + path}, file: `smtp = "smtp://other.example.test"`}.read(t)
	if err != nil || s.SMTP != "smtp://ada:hunter2@mail.example.test" || from["smtp"] != fromEnv {
		t.Errorf("smtp is %q from %s: %v", s.SMTP, from["smtp"], err)
	}
	s, _, err = given{env: []string{"HANDCLASPD_SMTP_FILE=" + path}, args: []string{"--smtp", "smtp://flag.example.test"}}.read(t)
	if err != nil || s.SMTP != "smtp://flag.example.test" {
		t.Errorf("smtp is %q, the flag should win: %v", s.SMTP, err)
	}
	for _, env := range [][]string{
		{"HANDCLASPD_SMTP_FILE=" + path, "HANDCLASPD_SMTP=smtp://mail.example.test"}, // which one?
		{"HANDCLASPD_SMTP_FILE=" + path + ".gone"},
		{"HANDCLASPD_SIGNUP_FILE=" + path}, // no secret
	} {
		if _, _, err := (given{env: env}).read(t); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v: %v", env, err)
		}
	}
}

func TestEmptyVariableIsNotSet(t *testing.T) {
	t.Parallel()
	s, from, err := given{env: []string{"HANDCLASPD_CODE_LIFE=", "HANDCLASPD_SMTP_FILE=", "HANDCLASPD_COLOUR="}}.read(t)
	if err != nil || s.CodeLife != 10*time.Minute || from["code-life"] != fromDefault {
		t.Errorf("code-life is %s from %s: %v", s.CodeLife, from["code-life"], err)
	}
}

func TestKubernetesMayHaveAServiceOfOurName(t *testing.T) {
	t.Parallel()
	env := []string{
		"HANDCLASPD_SERVICE_HOST=10.0.0.1", "HANDCLASPD_SERVICE_PORT=8080", "HANDCLASPD_SERVICE_PORT_HTTP=8080",
		"HANDCLASPD_PORT=tcp://10.0.0.1:8080", "HANDCLASPD_PORT_8080_TCP=tcp://10.0.0.1:8080",
	}
	if _, _, err := (given{env: env}).read(t); err != nil {
		t.Error(err)
	}
	if _, _, err := (given{env: []string{"HANDCLASPD_PORT=8080"}}).read(t); err == nil {
		t.Error("HANDCLASPD_PORT alone was typed by somebody, and is no setting")
	}
}

func TestEveryMistakeIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, _, err := given{
		args: []string{"--code-life", "soon", "--limit-scale", "NaN", "--interval", "-5s"},
		env:  []string{"HANDCLASPD_COLOUR=red", "HANDCLASPD_HELD_MOST=many", "HANDCLASPD_LOG_JSON=perhaps"},
		file: "colour = \"red\"\ntrusted-proxies = [1, 2]\nsignup = 1979-05-27\n[tokens]\nlife = \"1m\"\n",
	}.read(t)
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	for _, want := range []string{
		"code-life: \"soon\"", "limit-scale: \"NaN\"", "interval: \"-5s\"", "HANDCLASPD_COLOUR: there is no such setting",
		"held-most: \"many\"", "log-json: \"perhaps\"", "colour in the settings file: there is no such setting",
		"trusted-proxies in the settings file: a list", "signup in the settings file: want", "tokens in the settings file: want",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing is said of %q:\n%s", want, err)
		}
	}
	again := func() string {
		_, _, err := given{env: []string{"HANDCLASPD_B=1", "HANDCLASPD_A=1", "HANDCLASPD_C=1"}, file: "b = 1\na = 1\nc = 1"}.read(t)
		return err.Error()
	}
	if one, two := again(), again(); one != two {
		t.Errorf("the order of mistakes changes:\n%s\n\n%s", one, two)
	}
}

func TestFileWithoutFormIsRefused(t *testing.T) {
	t.Parallel()
	if _, _, err := (given{file: "listen = \n"}).read(t); err == nil || !strings.Contains(err.Error(), "settings file") {
		t.Errorf("read: %v", err)
	}
}

func TestListInTheFileIsOneText(t *testing.T) {
	t.Parallel()
	s, _, err := given{file: `trusted-proxies = ["10.0.0.0/8", "192.0.2.1"]`}.read(t)
	if err != nil || s.TrustedProxies != "10.0.0.0/8,192.0.2.1" {
		t.Errorf("trusted-proxies is %q: %v", s.TrustedProxies, err)
	}
}

func TestDefaultsServeThisMachine(t *testing.T) {
	t.Parallel()
	s, _, err := given{}.read(t)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.check(); err != nil {
		t.Error(err)
	}
	if s.Issuer != "http://127.0.0.1:8080" || s.Signup != "open" || s.Database != filepath.Join("data", "handclasp.db") {
		t.Errorf("issuer %q, signup %q, database %q", s.Issuer, s.Signup, s.Database)
	}
}

func TestIssuerHasOneForm(t *testing.T) {
	t.Parallel()
	tls := []string{"--trusted-proxies", "10.0.0.1", "--smtp", "smtp://mail.example.test", "--mail-from", "a@example.test", "--signup", "invite"}
	for issuer, want := range map[string]string{ // empty: it is as it should be
		"https://login.example.test":       "",
		"https://login.example.test/":      "", // the slash is taken away
		"https://login.example.test:8443":  "",
		"http://127.0.0.1:8080":            "",
		"http://[::1]:8080":                "",
		"http://localhost:8080":            "",
		"https://login.example.test:443":   "must be exactly scheme and host, https://login.example.test",
		"https://Login.Example.Test":       "must be exactly",
		"HTTPS://login.example.test":       "must be exactly",
		"https://login.example.test/auth":  "must be exactly",
		"https://login.example.test//":     "must be exactly",
		"https://login.example.test?a=b":   "must be exactly",
		"https://login.example.test?":      "must be exactly",
		"https://login.example.test#a":     "must be exactly",
		"https://ada@login.example.test":   "must be exactly",
		"https://bücher.example.test":      "ASCII form",
		"http://login.example.test":        "must be https",
		"http://127.0.0.1.example.test":    "must be https",
		"http://localhost.example.test":    "must be https",
		"login.example.test":               "want a URL",
		"ftp://login.example.test":         "want a URL",
		"https://":                         "want a URL",
		"https://:8080":                    "want a URL",
		"https://login.example.test:port":  "want a URL",
		"https://login.example.test\nx: y": "want a URL",
	} {
		s, _, err := given{args: append([]string{"--issuer", issuer}, tls...)}.read(t)
		if err != nil {
			t.Fatal(err)
		}
		err = s.check()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("issuer %q: %v, want %q", issuer, err, want)
		}
		if want == "" && strings.HasSuffix(s.Issuer, "/") {
			t.Errorf("issuer %q kept its slash", s.Issuer)
		}
	}
}

func TestServerThatOthersReachMustSayMore(t *testing.T) {
	t.Parallel()
	for _, story := range []struct {
		args []string
		want []string // what the error says; none: it may serve
	}{
		{[]string{"--listen", "0.0.0.0:8080"}, []string{"issuer: missing; others can reach 0.0.0.0:8080"}},
		{[]string{"--listen", ":8080"}, []string{"issuer: missing"}},
		{[]string{"--listen", "0.0.0.0:8080", "--issuer", "http://127.0.0.1:8080"}, nil}, // a container's port on this machine
		{
			[]string{"--issuer", "http://login.example.test"},
			[]string{"must be https", "smtp: missing", "mail-from: missing", "signup: missing"},
		},
		{
			[]string{"--issuer", "https://login.example.test"},
			[]string{"who speaks https", "smtp: missing", "mail-from: missing", "signup: missing"},
		},
		{
			[]string{
				"--issuer", "https://login.example.test", "--trusted-proxies", "10.0.0.1", "--smtp", "smtp://mail.example.test",
				"--mail-from", "Login <login@example.test>", "--signup", "domains:example.test",
			}, nil,
		},
		{[]string{"--issuer", "https://127.0.0.1:8443"}, []string{"who speaks https"}},
		{[]string{"--tls-cert", "cert.pem"}, []string{"they go together"}},
		{[]string{"--tls-cert", "gone.pem", "--tls-key", "gone.pem"}, []string{"read the certificate"}},
		{[]string{"--trusted-proxies", "everybody"}, []string{"trusted-proxies: "}},
		{[]string{"--listen", "8080", "--ops-listen", "9090"}, []string{`listen "8080"`, `ops-listen "9090"`}},
		{[]string{"--ops-listen", "none"}, nil},
		{[]string{"--redis", "127.0.0.1:6379"}, []string{"redis: want redis://"}},
		{[]string{"--redis", "rediss://:hunter2@127.0.0.1:6379/1"}, nil},
		{[]string{"--signup", "sometimes"}, []string{`signup "sometimes"`}},
		{[]string{"--smtp", "mail.example.test"}, []string{"smtp: "}},
		{[]string{"--mail-from", "nobody"}, []string{"mail-from: "}},
		{[]string{"--signer", "fast"}, []string{`signer "fast"`}},
		{[]string{"--log-level", "loud"}, []string{`log-level "loud"`}},
		{[]string{"--accent", "blue"}, []string{"accent"}},
		{[]string{"--logo", "https://cdn.example.test/logo.png"}, []string{"logo"}},
		{[]string{"--link-life", "61m"}, []string{"link-life: 1h1m is not within 1s and 1h"}},
		{[]string{"--access-life", "24h"}, []string{"access-life"}},
		{[]string{"--wait-most", "1m"}, []string{"wait-most"}},
		{[]string{"--interval", "10ms", "--code-life", "10ms"}, []string{"interval", "code-life"}},
		{[]string{"--refresh-idle", "721h", "--refresh-absolute", "720h"}, []string{"refresh-idle: 721h is not within 1s and 720h"}},
		{[]string{"--browser-idle", "9h"}, []string{"browser-idle"}},
		{[]string{"--retention", "1h"}, []string{"retention"}},
	} {
		s, _, err := given{args: story.args}.read(t)
		if err != nil {
			t.Fatal(err)
		}
		err = s.check()
		if len(story.want) == 0 && err != nil {
			t.Errorf("%v: %v", story.args, err)
		}
		for _, want := range story.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v: %v, want %q", story.args, err, want)
			}
		}
	}
}

func TestNoMistakeTellsASecret(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--smtp", "smtp://ada:hunter2@mail.example.test:port"},
		{"--smtp", "smtp://ada:hunter2@mail.example.test?tls=perhaps"},
		{"--smtp", "hunter2"},
		{"--database", "postgres://ada:hunter2@127.0.0.1/handclasp"},
		{"--signing-key", "hunter2"},
		{"--redis", "redis://:hunter2@127.0.0.1:port"},
	} {
		s, _, err := given{args: args}.read(t)
		if err == nil {
			err = s.check()
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestSecretsAreMasked(t *testing.T) {
	t.Parallel()
	for _, secret := range []struct{ kind, value, want string }{
		{"", "plain", "plain"},
		{"url", "", ""},
		{"url", "smtp://mail.example.test:587?tls=none", "smtp://mail.example.test:587?tls=none"},
		{"url", "smtp://ada:hunter2@mail.example.test:587?tls=none", "smtp://****@mail.example.test:587?tls=none"},
		{"url", "redis://hunter2@127.0.0.1:6379/1", "redis://****@127.0.0.1:6379/1"},
		{"url", "redis://127.0.0.1:6379?password=hunter2", "redis://127.0.0.1:6379?****"},
		{"url", "redis://127.0.0.1:6379?password=hunter2&tls=none", "redis://127.0.0.1:6379?****"},
		{"url", "hunter2", "****"},
		{"url", "ada:hunter2", "****"},
		{"url", "smtp://ada:hunter2@:%zz", "****"},
		{"path", "data/handclasp.db", "data/handclasp.db"},
		{"path", "postgres://ada:hunter2@127.0.0.1/handclasp", "postgres://****@127.0.0.1/handclasp"},
		{"whole", "https://example.test", "****"},
		{"whole", "-----BEGIN PRIVATE KEY-----\nhunter2", "****"},
	} {
		if got := masked(secret.kind, secret.value); got != secret.want {
			t.Errorf("%s %q is shown as %q, want %q", secret.kind, secret.value, got, secret.want)
		}
	}
}

func TestEverySettingHasANameAndAnExplanation(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	fieldsOf(&Settings{}, func(f reflect.StructField, _ reflect.Value) {
		if nameOf(f) == "" || f.Tag.Get("help") == "" || seen[nameOf(f)] {
			t.Errorf("%s: name %q, help %q", f.Name, nameOf(f), f.Tag.Get("help"))
		}
		seen[nameOf(f)] = true
	})
}

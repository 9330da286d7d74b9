package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/spf13/pflag"
)

// source says where a setting was found.
type source string

const (
	fromFlag    source = "flag"
	fromEnv     source = "environment"
	fromFile    source = "file"
	fromDefault source = "default"
)

// sources names the source of each setting.
type sources map[string]source

// readSettings gathers the settings from their four places. The error reports every mistake of form at once, in the order
// of the settings; what could be read is returned all the same. Whether a server can run with them is for check to say.
func readSettings(flags *pflag.FlagSet, environ []string) (Settings, sources, error) {
	env := variables(environ)
	file, problems := readFile(flags, env)
	var s Settings
	from := sources{}
	fieldsOf(&s, func(f reflect.StructField, v reflect.Value) {
		text, where, err := lookUp(f, flags, env, file)
		if err == nil {
			err = assign(v, text)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", nameOf(f), err))
		}
		from[nameOf(f)] = where
		delete(env, envName(f))
		delete(env, envName(f)+"_FILE")
		delete(file, nameOf(f))
	})
	delete(env, envPrefix+"CONFIG")
	for _, name := range credentialNames {
		delete(env, name) // no settings: they are for commands that ask a server
	}
	for _, name := range sorted(env) {
		problems = append(problems, fmt.Errorf("%s: there is no such setting", name))
	}
	for _, name := range sorted(file) {
		problems = append(problems, fmt.Errorf("%s in the settings file: there is no such setting", name))
	}
	s.fillIn()
	return s, from, errors.Join(append(problems, s.checkDatabase())...)
}

// variables are those of the environment that are meant for us. An empty one counts as not set: that is what
// ${VARIABLE} in a compose file becomes when nobody has set it.
func variables(environ []string) map[string]string {
	env := map[string]string{}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok && strings.HasPrefix(name, envPrefix) && value != "" {
			env[name] = value
		}
	}
	// Kubernetes gives every container such variables of a service that is called handclaspd. Nobody typed them.
	if _, ok := env[envPrefix+"SERVICE_HOST"]; ok {
		for name := range env {
			if strings.HasPrefix(name, envPrefix+"SERVICE_") || strings.HasPrefix(name, envPrefix+"PORT") {
				delete(env, name)
			}
		}
	}
	return env
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func lookUp(f reflect.StructField, flags *pflag.FlagSet, env, file map[string]string) (string, source, error) {
	name, variable := nameOf(f), envName(f)
	if flags.Changed(name) {
		text, err := flags.GetString(name)
		return text, fromFlag, err
	}
	text, set := env[variable]
	path, setFile := env[variable+"_FILE"]
	switch {
	case setFile && !isSecret(f):
		return "", fromEnv, fmt.Errorf("%s_FILE: only secrets are read from files of their own", variable)
	case set && setFile:
		return "", fromEnv, fmt.Errorf("%s and %s_FILE: give one of them", variable, variable)
	case set:
		return text, fromEnv, nil
	case setFile:
		text, err := os.ReadFile(path)
		return strings.TrimSpace(string(text)), fromEnv, err
	}
	if text, ok := file[name]; ok {
		return text, fromFile, nil
	}
	return f.Tag.Get("default"), fromDefault, nil
}

// readFile reads the settings file into texts. A file that was named must be there; the one in the data folder need not.
func readFile(flags *pflag.FlagSet, env map[string]string) (map[string]string, []error) {
	path, named := fileName(flags, env)
	var parsed map[string]any
	_, err := toml.DecodeFile(path, &parsed)
	if errors.Is(err, os.ErrNotExist) && !named {
		return nil, nil
	}
	if err != nil {
		return nil, []error{fmt.Errorf("read settings file %s: %w", path, err)}
	}
	var problems []error
	texts := make(map[string]string, len(parsed))
	for _, name := range sorted(parsed) {
		if texts[name], err = textOf(parsed[name]); err != nil {
			problems = append(problems, fmt.Errorf("%s in the settings file: %w", name, err))
			delete(texts, name)
		}
	}
	return texts, problems
}

// fileName finds the settings file, and whether somebody named it.
func fileName(flags *pflag.FlagSet, env map[string]string) (path string, named bool) {
	if flags.Changed(configName) {
		path, _ = flags.GetString(configName)
		return path, true
	}
	if path, ok := env[envPrefix+"CONFIG"]; ok {
		return path, true
	}
	data, _ := flags.GetString("data")
	if folder, ok := env[envPrefix+"DATA"]; ok && !flags.Changed("data") {
		data = folder
	}
	return filepath.Join(data, "handclaspd.toml"), false
}

// textOf writes a value of the file as it would stand in a flag; a list becomes one text with commas.
func textOf(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case bool, int64:
		return fmt.Sprint(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case []any:
		items := make([]string, len(v))
		for i := range v {
			text, ok := v[i].(string)
			if !ok {
				return "", errors.New("a list holds texts and nothing else")
			}
			items[i] = text
		}
		return strings.Join(items, ","), nil
	default:
		return "", errors.New("want a text, a number, true, false or a list of texts")
	}
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
			return fmt.Errorf("%q is not a number such as 100", text)
		}
		v.SetInt(int64(n))
	case float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !(n >= 0.5 && n <= 1e6) { // so that NaN is refused, and no limit becomes one that never passes
			return fmt.Errorf("%q is not a number from 0.5 to 1000000", text)
		}
		v.SetFloat(n)
	case bool:
		b, err := strconv.ParseBool(text)
		if err != nil && text != "" {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		v.SetBool(b)
	}
	return nil
}

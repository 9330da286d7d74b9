package pages

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"text/template"
)

// asset is a file of ours as it is sent.
type asset struct {
	kind string
	body []byte
}

// assets are the files of ours, and where the pages find them.
type assets struct {
	Style, Script, Icon string // paths, with the hash of their content
	byPath              map[string]asset
}

func newAssets(colours palette) (assets, error) {
	a := assets{byPath: map[string]asset{}}
	for _, file := range []struct {
		name, suffix, kind string
		path               *string
	}{
		{"style", ".css", "text/css; charset=utf-8", &a.Style},
		{"script", ".js", "text/javascript; charset=utf-8", &a.Script},
		{"icon", ".svg", "image/svg+xml", &a.Icon},
	} {
		body, err := fillIn(file.name+file.suffix, colours)
		if err != nil {
			return assets{}, err
		}
		sum := sha256.Sum256(body)
		*file.path = "/assets/" + file.name + "-" + hex.EncodeToString(sum[:8]) + file.suffix
		a.byPath[*file.path] = asset{file.kind, body}
	}
	return a, nil
}

// fillIn puts the operator's accent into a file. The colours are parsed numbers, so that nothing else can get in.
func fillIn(name string, colours palette) ([]byte, error) {
	t, err := template.New(name).Delims("[[", "]]").ParseFS(files, "static/"+name)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, map[string]string{"Light": colours.light.String(), "Dark": colours.dark.String()}); err != nil {
		return nil, fmt.Errorf("fill in %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// ServeHTTP sends one of the files, or 404.
func (a assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, ok := a.byPath[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("Content-Type", file.kind)
	h.Set("Content-Length", strconv.Itoa(len(file.body)))
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(file.body) // the client went away; there is nobody left to tell
}

package pages

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed templates/*.html static
var files embed.FS

// Site is whose server this is. Every page says it.
type Site struct {
	Name    string // the operator's name; empty for "Handclasp"
	Host    string // the issuer's host, so that a person can tell
	Logo    string // an own path ("/logo.svg") or a data: image of at most 8 kB; empty for our mark
	Accent  string // "#rrggbb" or "#rgb"; drawn in the nearest shade that can be read in each colour set; empty for ours
	Command string // what to type in a terminal to sign in; empty for "handclasp login"
}

// Pages draws views. It is safe for use by many requests at once.
type Pages struct {
	site      Site
	logo      template.URL
	templates map[string]*template.Template
	assets    assets
}

// New parses every template and builds the assets, so that a mistake in settings or pages shows at start.
// It reports every mistake in site at once.
func New(site Site) (*Pages, error) {
	p := &Pages{site: site.withDefaults()}
	logo, logoErr := checkLogo(p.site.Logo)
	palette, accentErr := newPalette(p.site.Accent)
	if err := errors.Join(p.site.check(), logoErr, accentErr); err != nil {
		return nil, err
	}
	p.logo = logo
	var err error
	if p.assets, err = newAssets(palette); err != nil {
		return nil, err
	}
	if p.templates, err = parse(); err != nil {
		return nil, err
	}
	return p, nil
}

// frame is what the layout draws around a view.
type frame struct {
	Site   Site
	Logo   template.URL
	Assets assets
	Status int
	View   View
}

// Write draws the view and sends it with this status. It is drawn completely before the first byte is sent: if it
// returns an error of drawing, nothing has been written and the caller may still answer otherwise.
func (p *Pages) Write(w http.ResponseWriter, status int, view View) error {
	t, ok := p.templates[view.file()]
	if !ok {
		return fmt.Errorf("draw page %q: no such template", view.file())
	}
	var page bytes.Buffer
	err := t.ExecuteTemplate(&page, "layout", frame{p.site, p.logo, p.assets, status, view})
	if err != nil {
		return fmt.Errorf("draw page %s: %w", view.file(), err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(page.Len()))
	h.Set("Cache-Control", "no-store") // each page holds a CSRF token, most of them more
	w.WriteHeader(status)
	if _, err := page.WriteTo(w); err != nil {
		return fmt.Errorf("send page %s: %w", view.file(), err)
	}
	return nil
}

// Assets serves the stylesheet, the script and the icon under /assets/. Their names hold the hash of their content, so
// a browser may keep them for good.
func (p *Pages) Assets() http.Handler { return p.assets }

// parse makes one template a page: the shared pieces and the page's own "title" and "main".
func parse() (map[string]*template.Template, error) {
	shared, err := template.New("").Funcs(words).Option("missingkey=error").ParseFS(files, "templates/_*.html")
	if err != nil {
		return nil, fmt.Errorf("parse shared templates: %w", err)
	}
	names, err := fs.Glob(files, "templates/[a-z]*.html")
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	all := make(map[string]*template.Template, len(names))
	for _, name := range names {
		page, err := shared.Clone()
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", name, err)
		}
		if page, err = page.ParseFS(files, name); err != nil {
			return nil, fmt.Errorf("parse %s: %w", name, err)
		}
		all[strings.TrimSuffix(path.Base(name), ".html")] = page
	}
	return all, nil
}

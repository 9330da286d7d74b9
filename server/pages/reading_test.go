package pages_test

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// document is a page as a browser reads it, and the rules that every page keeps.
type document struct {
	t    *testing.T
	root *html.Node
}

func read(t *testing.T, body string) document {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return document{t, root}
}

// all finds the elements of these names, in order; none named means every element.
func (d document) all(names ...string) []*html.Node {
	var found []*html.Node
	for n := range d.root.Descendants() {
		if n.Type == html.ElementNode && (len(names) == 0 || slices.Contains(names, n.Data)) {
			found = append(found, n)
		}
	}
	return found
}

func (d document) byID(id string) *html.Node {
	for _, n := range d.all() {
		if attr(n, "id") == id {
			return n
		}
	}
	return nil
}

// assets are the paths of what the page loads.
func (d document) assets() []string {
	var paths []string
	for _, n := range d.all("link", "script") {
		paths = append(paths, attr(n, "href")+attr(n, "src"))
	}
	return paths
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var all strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			all.WriteString(c.Data)
		}
	}
	return strings.TrimSpace(all.String())
}

func (d document) hasOneHeading() {
	if n := len(d.all("h1")); n != 1 {
		d.t.Errorf("%d h1", n)
	}
	if attr(d.all("html")[0], "lang") != "en" {
		d.t.Error("no language")
	}
}

func (d document) saysWhoseItIs() {
	title := text(d.all("title")[0])
	page, product, ok := strings.Cut(title, " · ")
	if !ok || page == "" || product != "Example" {
		d.t.Errorf("title %q does not say page and product", title)
	}
	if !strings.Contains(text(d.all("header")[0]), "login.example.test") {
		d.t.Error("the page does not name the issuer's host")
	}
}

func (d document) runsNothingInline() {
	for _, n := range d.all() {
		if n.Data == "style" || n.Data == "script" && (n.FirstChild != nil || attr(n, "src") == "") {
			d.t.Errorf("inline %s", n.Data)
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				d.t.Errorf("%s has %s", n.Data, a.Key)
			}
		}
	}
}

var ownPath = regexp.MustCompile(`^/($|[^/\\])`)

func (d document) staysAtHome() {
	for _, n := range d.all() {
		for _, a := range n.Attr {
			leads := slices.Contains([]string{"href", "src", "action", "formaction", "data-wait"}, a.Key)
			if leads && !ownPath.MatchString(a.Val) && !saysWhereTo(n, a.Val) {
				d.t.Errorf("%s %s leads to %q", n.Data, a.Key, a.Val)
			}
		}
	}
}

// saysWhereTo reports whether this is a link that leads away, names the host that it leads to, and does not tell it where from.
func saysWhereTo(n *html.Node, address string) bool {
	u, err := url.Parse(address)
	return n.Data == "a" && err == nil && u.Scheme == "https" && attr(n, "rel") == "noreferrer" && strings.Contains(text(n), u.Host)
}

func (d document) labelsEveryField() {
	labelled := map[string]bool{}
	for _, n := range d.all("label") {
		labelled[attr(n, "for")] = true
	}
	for _, n := range d.all("input") {
		if attr(n, "type") == "hidden" {
			continue
		}
		if !labelled[attr(n, "id")] || attr(n, "autocomplete") == "" || attr(n, "inputmode") == "" {
			d.t.Errorf("field %s lacks label, autocomplete or inputmode", attr(n, "name"))
		}
	}
	for _, n := range d.all("button", "summary", "a") {
		if text(n) == "" {
			d.t.Errorf("%s says nothing", n.Data)
		}
	}
}

func (d document) protectsEveryForm() {
	for _, f := range d.all("form") {
		if attr(f, "method") != "post" {
			d.t.Errorf("form to %s is no POST", attr(f, "action"))
		}
		proofs := 0
		for n := range f.Descendants() {
			if attr(n, "name") == "csrf" && attr(n, "value") == "csrf-of-this-browser" {
				proofs++
			}
		}
		if proofs != 1 {
			d.t.Errorf("form to %s has %d csrf fields", attr(f, "action"), proofs)
		}
	}
}

func (d document) referencesExist() {
	seen := map[string]bool{}
	for _, n := range d.all() {
		if id := attr(n, "id"); id != "" {
			if seen[id] {
				d.t.Errorf("two elements are %s", id)
			}
			seen[id] = true
		}
		for _, id := range strings.Fields(attr(n, "aria-describedby") + " " + attr(n, "aria-labelledby")) {
			if d.byID(id) == nil {
				d.t.Errorf("%s refers to %s, which is not there", n.Data, id)
			}
		}
		if attr(n, "aria-invalid") != "" && !strings.Contains(attr(n, "aria-describedby"), "_problem") {
			d.t.Errorf("%s does not say what is wrong with it", attr(n, "name"))
		}
	}
}

func (d document) speaksPlainly() {
	words := strings.ToLower(text(d.all("body")[0]))
	for _, word := range []string{"!", "please", "success", "oops", "sorry", "invalid", "<no value>", "zgotmplz"} {
		if strings.Contains(words, word) {
			d.t.Errorf("the page says %q", word)
		}
	}
}

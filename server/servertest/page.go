package servertest

import (
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// Page is what a browser shows.
type Page struct {
	Status int
	URL    *url.URL // after all redirects
	Header http.Header
	Body   string

	browser *Browser
	doc     *html.Node
}

// Heading is the page's first heading.
func (p *Page) Heading() string {
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "h1" {
			return words(n)
		}
	}
	return ""
}

// Text is what the page says, in one line.
func (p *Page) Text() string {
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "body" {
			return words(n)
		}
	}
	return ""
}

// Press fills in the form that has this button and presses it. Fields are names and values in turn. Those that the page
// has set itself a person cannot change: they pick the form, where several have such a button.
func (p *Page) Press(button string, fields ...string) *Page {
	p.browser.t.Helper()
	action, form := p.Form(button, fields...)
	return p.browser.Post(action, form)
}

// Form is where such a press leads, and what it sends.
func (p *Page) Form(button string, fields ...string) (action string, form url.Values) {
	p.browser.t.Helper()
	for n := range p.doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		if form, ok := filled(n, button, fields); ok {
			return attribute(n, "action"), form
		}
	}
	p.browser.t.Fatalf("%s (%d) has no button %q with %q: %s", p.URL.Path, p.Status, button, fields, p.Text())
	return "", nil
}

// filled is the form as the button would send it; ok is false if it has no such button, or has set a field otherwise.
func filled(form *html.Node, button string, fields []string) (url.Values, bool) {
	values, fixed, found := url.Values{}, map[string]bool{}, false
	for n := range form.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		name := attribute(n, "name")
		switch {
		case n.Data == "input" && name != "":
			values.Set(name, attribute(n, "value"))
			fixed[name] = attribute(n, "type") == "hidden"
		case n.Data == "button" && words(n) == button:
			found = true
			if name != "" {
				values.Set(name, attribute(n, "value"))
			}
		}
	}
	for i := 0; i+1 < len(fields); i += 2 {
		if fixed[fields[i]] && values.Get(fields[i]) != fields[i+1] {
			return nil, false
		}
		values.Set(fields[i], fields[i+1])
	}
	return values, found
}

// FormToken is the token that the page put into its forms, for requests that no button of it makes.
func (p *Page) FormToken() string {
	p.browser.t.Helper()
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "input" && attribute(n, "name") == "csrf" {
			return attribute(n, "value")
		}
	}
	p.browser.t.Fatalf("%s (%d) has no form: %s", p.URL.Path, p.Status, p.Text())
	return ""
}

// Follow opens the link with this text.
func (p *Page) Follow(text string) *Page {
	p.browser.t.Helper()
	return p.browser.Open(p.Link(text))
}

// Link is where the link with this text leads.
func (p *Page) Link(text string) string {
	p.browser.t.Helper()
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "a" && words(n) == text {
			return attribute(n, "href")
		}
	}
	p.browser.t.Fatalf("%s has no link %q: %s", p.URL.Path, text, p.Text())
	return ""
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// words is the text below a node, with single spaces.
func words(n *html.Node) string {
	var text strings.Builder
	for d := range n.Descendants() {
		switch d.Type {
		case html.TextNode:
			text.WriteString(d.Data)
		case html.ElementNode:
			text.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

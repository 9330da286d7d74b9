package mail

import (
	"embed"
	"fmt"
	html "html/template"
	"strings"
	text "text/template"
)

//go:embed templates
var templates embed.FS

var (
	htmlLayout = html.Must(html.ParseFS(templates, "templates/layout.html"))
	textLayout = text.Must(text.ParseFS(templates, "templates/layout.txt"))
)

// letter is what every mail is made of, in the order in which it is read.
type letter struct {
	Site       Site
	Kind       string
	To         string
	Subject    string
	Preheader  string
	Heading    string
	Lead       []string // what happened, before the button
	Button     string
	Link       string
	ShowLink   bool // also bare, for those who cannot press buttons
	Warning    bool // the button ends something
	Code       string
	CodeHint   string
	Facts      []fact
	FactsFirst bool     // the person needs them to decide about the button
	Notes      []string // what else to know
	Account    string   // where the list of devices is, if it is not what the button opens
}

// fact is one line of the table. A Claim is what a stranger says of itself and is set in quotes.
type fact struct {
	Label, Value string
	Claim        bool
}

// facts leaves out what is not known.
func facts(all ...fact) []fact {
	var known []fact
	for _, f := range all {
		if f.Value != "" {
			known = append(known, f)
		}
	}
	return known
}

// message writes both parts. The text is as good as the HTML: nothing stands in only one of them.
func (l letter) message() (Message, error) {
	if err := l.Site.check(); err != nil {
		return Message{}, err
	}
	if l.Site.Accent == "" {
		l.Site.Accent = "#2952cc"
	}
	m := Message{
		Kind: l.Kind, To: l.To, Subject: l.Subject, Preheader: l.Preheader, Link: l.Link, Code: l.Code,
	}
	var h, t strings.Builder
	if err := htmlLayout.Execute(&h, l); err != nil {
		return Message{}, fmt.Errorf("write the %s mail: %w", l.Kind, err)
	}
	if err := textLayout.Execute(&t, l); err != nil {
		return Message{}, fmt.Errorf("write the %s mail: %w", l.Kind, err)
	}
	m.HTML, m.Text = h.String(), t.String()
	return m, m.check()
}

// GroupedCode is the code as it is shown.
func (l letter) GroupedCode() string { return grouped(l.Code) }

// Padded is the label as a column of the text part.
func (f fact) Padded() string { return fmt.Sprintf("%-12s", f.Label) }

// Wrapped breaks a paragraph of the text part at 72 columns, which every mail program shows as it is.
func (l letter) Wrapped(paragraph string) string {
	var out strings.Builder
	column := 0
	for word := range strings.FieldsSeq(paragraph) {
		length := len([]rune(word))
		switch {
		case column == 0:
		case column+1+length > 72:
			out.WriteByte('\n')
			column = 0
		default:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		column += length
	}
	return out.String()
}

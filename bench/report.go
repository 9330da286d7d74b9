package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report is the whole outcome of a run.
type report struct {
	Began    time.Time `json:"began"`
	Seconds  float64   `json:"seconds"`
	Machine  string    `json:"machine"`
	Sections []section `json:"sections"`
}

// section is one table. All of its rows have the same figures.
type section struct {
	Title string `json:"title"`
	Notes string `json:"notes"` // how it was measured
	Rows  []row  `json:"rows"`
}

// row is one thing that was measured.
type row struct {
	What    string   `json:"what"`
	Setting string   `json:"setting"` // keeper of the tickets, signer
	Figures []figure `json:"figures"`
	Goal    string   `json:"goal,omitempty"`
	Verdict string   `json:"verdict,omitempty"`
}

// figure is a number with its unit. One that does not apply to a row is NaN and not printed.
type figure struct {
	Name  string
	Value float64
	Unit  string
}

// MarshalJSON leaves out what does not apply: JSON knows no NaN.
func (f figure) MarshalJSON() ([]byte, error) {
	value := map[string]any{"name": f.Name, "unit": f.Unit, "value": nil}
	if !math.IsNaN(f.Value) {
		value["value"] = f.Value
	}
	return json.Marshal(value)
}

func (f figure) String() string {
	switch {
	case math.IsNaN(f.Value):
		return ""
	case f.Unit == "ms" && f.Value < 10:
		return fmt.Sprintf("%.3f", f.Value)
	case f.Unit == "":
		return fmt.Sprintf("%.2f", f.Value)
	case f.Unit == "n", f.Unit == "B":
		return fmt.Sprintf("%.0f", f.Value)
	default:
		return fmt.Sprintf("%.1f", f.Value)
	}
}

func (f figure) heading() string {
	if f.Unit == "" || f.Unit == "n" {
		return f.Name
	}
	return f.Name + ", " + f.Unit
}

// atMost is the verdict on a value that has a bound.
func atMost(value, bound float64, unit string) string {
	if value <= bound {
		return "ok"
	}
	over := figure{Value: value - bound, Unit: unit}.String()
	return strings.TrimSpace("over by " + over + " " + unit)
}

// all is the verdict on several values: every complaint, or ok.
func all(verdicts ...string) string {
	complaints := slices.DeleteFunc(verdicts, func(v string) bool { return v == "ok" })
	if len(complaints) == 0 {
		return "ok"
	}
	return strings.Join(complaints, ", ")
}

func (r report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

func (r report) writeMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s; %.0f s\n", r.Machine, r.Seconds)
	for _, s := range r.Sections {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n", s.Title, s.Notes)
		if len(s.Rows) == 0 {
			continue
		}
		heads := []string{"what", "with"}
		for _, f := range s.Rows[0].Figures {
			heads = append(heads, f.heading())
		}
		line(&b, append(heads, "goal", "verdict"))
		fmt.Fprintf(&b, "|---|---|%s---|---|\n", strings.Repeat("---:|", len(heads)-2))
		for _, row := range s.Rows {
			cells := []string{row.What, row.Setting}
			for _, f := range row.Figures {
				cells = append(cells, f.String())
			}
			line(&b, append(cells, row.Goal, row.Verdict))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func line(b *strings.Builder, cells []string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func machine() string {
	return fmt.Sprintf("%s/%s, %d cores, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
}

// quantile returns the value below which a share of the values lie; NaN of none.
func quantile(values []float64, share float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

func median(values []float64) float64 { return quantile(values, 0.5) }

package pages

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
)

// colour is red, green, blue from 0 to 255.
type colour [3]float64

var (
	colourForm = regexp.MustCompile(`^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$`)

	black = colour{0, 0, 0}
	white = colour{255, 255, 255}
)

// textContrast is what WCAG 2.2 asks of text at least (1.4.3).
const textContrast = 4.5

// palette is the accent as each of the two colour sets can bear it.
type palette struct{ light, dark colour }

// newPalette moves the operator's colour towards black or white, no further than it needs to be read on paper, and to
// carry text in the colour of paper itself.
func newPalette(accent string) (palette, error) {
	c, err := parseColour(accent)
	if err != nil {
		return palette{}, err
	}
	return palette{light: c.readableOn(lightPaper, black), dark: c.readableOn(darkPaper, white)}, nil
}

// The grounds that the accent lies on, as in the stylesheet: each set's least favourable one.
var (
	lightPaper = colour{0xf7, 0xf6, 0xf3}
	darkPaper  = colour{0x20, 0x22, 0x28}
)

func parseColour(s string) (colour, error) {
	if !colourForm.MatchString(s) {
		return colour{}, fmt.Errorf("accent colour %q: must be #rgb or #rrggbb", s)
	}
	hex := s[1:]
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	var c colour
	for i := range c {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			return colour{}, fmt.Errorf("accent colour %q: %w", s, err)
		}
		c[i] = float64(n)
	}
	return c, nil
}

// String is the form that a stylesheet reads.
func (c colour) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(c[0]), int(c[1]), int(c[2]))
}

// readableOn mixes c with towards, in steps of 2 %, until text of it can be read on ground.
func (c colour) readableOn(ground, towards colour) colour {
	const steps = 50
	mixed := c
	for i := 0; contrast(mixed, ground) < textContrast && i < steps; i++ {
		share := float64(i+1) / steps
		for j := range mixed {
			mixed[j] = math.Round(c[j] + (towards[j]-c[j])*share)
		}
	}
	return mixed
}

// contrast is the ratio of WCAG 2.2, from 1 to 21.
func contrast(a, b colour) float64 {
	la, lb := a.luminance(), b.luminance()
	if la < lb {
		la, lb = lb, la
	}
	return (la + 0.05) / (lb + 0.05)
}

func (c colour) luminance() float64 {
	linear := func(v float64) float64 {
		v /= 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

package redis

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// Records are packed as the scripts do it with Lua's struct: numbers of eight bytes, the most significant first (times
// and durations in microseconds), and texts behind their length in two bytes. A live grant so costs half a kilobyte of
// Redis, where a hash of its fields would cost twice that, and a pending poll writes 26 bytes of its request.

var errMangled = errors.New("redis: a record cannot be unpacked")

// packer writes a record. The first thing that does not fit makes err.
type packer struct {
	b   []byte
	err error
}

func pack() *packer { return &packer{b: make([]byte, 0, 512)} }

func (p *packer) bytes(b ...byte) *packer {
	p.b = append(p.b, b...)
	return p
}

func (p *packer) times(times ...time.Time) *packer {
	for _, t := range times {
		p.number(micros(t))
	}
	return p
}

func (p *packer) spans(spans ...time.Duration) *packer {
	for _, d := range spans {
		p.number(d.Microseconds())
	}
	return p
}

// number writes n, or 0 for what is less: the scripts know no sign.
func (p *packer) number(n int64) {
	p.b = binary.BigEndian.AppendUint64(p.b, uint64(max(0, n)))
}

func (p *packer) texts(texts ...string) *packer {
	for _, s := range texts {
		if len(s) > math.MaxUint16 {
			p.err = fmt.Errorf("redis: a text of %d bytes is too long to keep", len(s))
			return p
		}
		p.b = binary.BigEndian.AppendUint16(p.b, uint16(len(s))) //nolint:gosec // two lines above it was short enough
		p.b = append(p.b, s...)
	}
	return p
}

// lists writes each list as one text, an item a line.
func (p *packer) lists(lists ...[]string) *packer {
	for _, list := range lists {
		text, err := lines(list)
		if err != nil {
			p.err = err
			return p
		}
		p.texts(text)
	}
	return p
}

func lines(list []string) (string, error) {
	for _, item := range list {
		if item == "" || strings.Contains(item, "\n") {
			return "", fmt.Errorf("redis: %q cannot stand in a list", item)
		}
	}
	return strings.Join(list, "\n"), nil
}

// unpacker reads a record. After the first mistake everything is zero, and failed is true.
type unpacker struct {
	s      string
	failed bool
}

func (u *unpacker) take(n int) string {
	if u.failed || len(u.s) < n {
		u.failed = true
		return ""
	}
	head := u.s[:n]
	u.s = u.s[n:]
	return head
}

func (u *unpacker) byte() byte {
	if head := u.take(1); head != "" {
		return head[0]
	}
	return 0
}

func (u *unpacker) number() int64 {
	var n uint64
	for _, c := range []byte(u.take(8)) {
		n = n<<8 | uint64(c)
	}
	return int64(n)
}

func (u *unpacker) time() time.Time     { return moment(u.number()) }
func (u *unpacker) span() time.Duration { return time.Duration(u.number()) * time.Microsecond }

func (u *unpacker) text() string {
	head := u.take(2)
	if len(head) < 2 {
		return ""
	}
	return u.take(int(head[0])<<8 | int(head[1]))
}

func (u *unpacker) list() []string {
	text := u.text()
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func (u *unpacker) err() error {
	if u.failed {
		return errMangled
	}
	return nil
}

// micros is a time as the scripts count it; the zero time is 0, and so is all that lies before the epoch.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(0, t.UnixMicro())
}

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

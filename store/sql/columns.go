package sql

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// How Go's values stand in the columns.

// ms is a time as the columns hold it: milliseconds since 1970, 0 for none.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// words joins names that can hold no space by their own grammar: scopes (RFC 6749 §3.3), audiences, ways of proof.
func words(list []string) string { return strings.Join(list, " ") }

// bit is truth as the columns hold it.
func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// asJSON is for lists whose entries may hold anything.
func asJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

// into makes a column's value readable into a Go value: into(&t, fromMS) reads a time.
func into[T, C any](dest *T, from func(C) (T, error)) *reading[T, C] {
	return &reading[T, C]{dest, from}
}

type reading[T, C any] struct {
	dest *T
	from func(C) (T, error)
}

// Scan implements sql.Scanner.
func (r *reading[T, C]) Scan(column any) error {
	c, ok := column.(C)
	if !ok {
		return fmt.Errorf("a column holds %T, not %T", column, c)
	}
	v, err := r.from(c)
	*r.dest = v
	return err
}

func timeInto(t *time.Time) *reading[time.Time, int64] {
	return into(t, func(ms int64) (time.Time, error) {
		if ms == 0 {
			return time.Time{}, nil
		}
		return time.UnixMilli(ms).UTC(), nil
	})
}

func spanInto(d *time.Duration) *reading[time.Duration, int64] {
	return into(d, func(ms int64) (time.Duration, error) { return time.Duration(ms) * time.Millisecond, nil })
}

func bitInto(b *bool) *reading[bool, int64] {
	return into(b, func(bit int64) (bool, error) { return bit != 0, nil })
}

func wordsInto(list *[]string) *reading[[]string, string] {
	return into(list, func(s string) ([]string, error) { return strings.Fields(s), nil })
}

// namesInto is wordsInto for what most rows have none of: none is nil.
func namesInto(list *[]string) *reading[[]string, string] {
	return into(list, func(s string) ([]string, error) {
		if s == "" {
			return nil, nil
		}
		return strings.Fields(s), nil
	})
}

func jsonInto[T any](v *T) *reading[T, string] {
	return into(v, func(s string) (v T, err error) {
		err = json.Unmarshal([]byte(s), &v)
		return v, err
	})
}

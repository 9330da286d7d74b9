package storetest

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

// NoneLeft fails a test if goroutines are there that before does not know. Those that are about to end get their time: goleak by
// itself waits for less than half a second.
func NoneLeft(t *testing.T, before goleak.Option) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		err := goleak.Find(before)
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Error(err)
			return
		}
	}
}

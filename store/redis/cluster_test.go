package redis

import (
	"strings"
	"testing"
	"time"

	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/redis/redistest"
)

// A node of a Cluster refuses a script that touches two slots or a key that it was not given. All steps but open pass
// there as they are, and open passes as its two halves.
func TestStepsKeepToOneSlot(t *testing.T) {
	server := redistest.Run(t, "--cluster-enabled", "yes")
	setUp(t, server.URL())
	s := open(t, Options{URL: server.URL()})
	if _, err := s.Open(t.Context(), newRequest()); err == nil || !strings.Contains(err.Error(), "CROSSSLOT") {
		t.Fatalf("this node is none of a Cluster: %v", err)
	}
	q := newRequest()
	openInTwo(t, s, q)
	if _, err := s.Bind(t.Context(), q.UserCode, "ses_b", "usr_00000000000000000000000000"); err != nil {
		t.Fatal(err)
	}
	if err := s.Approve(t.Context(), approval(q)); err != nil {
		t.Fatal(err)
	}
	poll(t, s, q, store.AnswerGranted)
	if _, err := s.Rotate(t.Context(), turn(q, 1)); err != nil {
		t.Fatal(err)
	}
	for what, ask := range every(s, q) {
		if err := ask(t.Context()); what != "open" && err != nil && strings.Contains(err.Error(), "slot") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// openInTwo is what Open is on a Cluster.
func openInTwo(t *testing.T, s *Store, q store.Request) {
	t.Helper()
	door := newStep("door", false, "buckets", "claim", "charge", "point", "ok")
	keep := newStep("keep", false, "keep", "ok")
	limits := []store.Limit{bucket, {Key: "b", Burst: 1, Every: time.Hour}}
	packed, err := packRequest(q)
	if err != nil {
		t.Fatal(err)
	}
	keys, args := s.buckets(limits, 1, 2)
	reply, err := s.run(t.Context(), door, append(keys, s.keys.code(q.UserCode)), append(args, micros(q.ExpiresAt), q.SID)...)
	if err != nil || reply.word() != "ok" {
		t.Fatalf("the door: %v, %v", reply, err)
	}
	reply, err = s.run(t.Context(), keep, []string{s.keys.request(q.SID)}, s.clock(), micros(q.ExpiresAt), packed)
	if err != nil || reply.word() != "ok" {
		t.Fatalf("keep: %v, %v", reply, err)
	}
}

// setUp gives all slots to the one node.
func setUp(t *testing.T, url string) {
	t.Helper()
	s := bare(t, url)
	if err := s.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	for s.Set(t.Context(), "up", 1, time.Second).Err() != nil {
		if time.Now().After(deadline) {
			t.Fatal("the Cluster does not come up")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

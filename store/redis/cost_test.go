package redis

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/redis/redistest"
)

// grantsMeasured are enough for the tables of keys to weigh in.
const grantsMeasured = 10_000

func TestLiveSessionIsUnderAKilobyteOfRedis(t *testing.T) {
	s := open(t, Options{URL: redistest.Run(t, "--appendonly", "no").URL()})
	// Ids and tokens as long as real ones; the tombstones of the requests are gone, as they are after twenty minutes.
	jti := strings.Repeat("j", 26)
	before := used(t, s)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range grantsMeasured / 4 {
				q := newOpened(t, s)
				if _, err := s.Bind(t.Context(), q.UserCode, "ses_b", "usr_a"); err != nil {
					t.Error(err)
				}
				a := approval(q)
				a.JTI, a.Next = jti+"1", jti+"2"
				if err := s.Approve(t.Context(), a); err != nil {
					t.Error(err)
				}
				poll(t, s, q, store.AnswerGranted)
				r := turn(q, 1)
				r.JTI, r.Next, r.AfterNext = jti+"1", jti+"2", jti+"3"
				if _, err := s.Rotate(t.Context(), r); err != nil {
					t.Error(err)
				}
				s.client.Del(t.Context(), s.keys.request(q.SID), s.keys.code(q.UserCode))
			}
		})
	}
	wait.Wait()
	each := (used(t, s) - before) / grantsMeasured
	t.Logf("a live session takes %d bytes of Redis", each)
	if each > 1000 {
		t.Errorf("a live session takes %d bytes of Redis, more than a thousand", each)
	}
}

func used(t testing.TB, s *Store) int {
	info, err := s.info(t.Context(), "memory")
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(info["used_memory"])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// cpu is what this process and Redis have used so far.
func cpu(b *testing.B, s *Store) (ours, redis time.Duration) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	ours = time.Duration(u.Utime.Nano() + u.Stime.Nano())
	info, err := s.info(context.Background(), "cpu")
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"used_cpu_user", "used_cpu_sys"} {
		seconds, err := strconv.ParseFloat(info[name], 64)
		if err != nil {
			b.Fatal(err)
		}
		redis += time.Duration(seconds * float64(time.Second))
	}
	return ours, redis
}

// BenchmarkSteps measures what a step costs beside a bare GET, as CPU of both processes while 16 callers are at work;
// "x" is the ratio.
func BenchmarkSteps(b *testing.B) {
	s := open(b, Options{URL: redistest.Run(b, "--appendonly", "no").URL()})
	s.client.Set(b.Context(), "bare", strings.Repeat("x", 300), 0)
	var bare float64
	for _, step := range steps(b.Context(), s) {
		b.Run(step.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(8)
			runtime.GC()
			ours, redis := cpu(b, s)
			b.RunParallel(func(pb *testing.PB) {
				do := step.start(b)
				for pb.Next() {
					if err := do(); err != nil {
						b.Error(err)
						return
					}
				}
			})
			oursAfter, redisAfter := cpu(b, s)
			mine, its := float64((oursAfter-ours).Nanoseconds())/float64(b.N), float64((redisAfter-redis).Nanoseconds())/float64(b.N)
			if step.name == "get" {
				bare = mine + its
			}
			b.ReportMetric(mine, "ours-ns/op")
			b.ReportMetric(its, "redis-ns/op")
			b.ReportMetric((mine+its)/bare, "x")
		})
	}
}

// measured is a step; start prepares one caller of it.
type measured struct {
	name  string
	start func(b *testing.B) func() error
}

func steps(ctx context.Context, s *Store) []measured {
	limits := []store.Limit{
		{Key: "address", Burst: 1 << 30, Every: time.Microsecond}, {Key: "client", Burst: 1 << 30, Every: time.Microsecond},
	}
	return []measured{
		{"get", func(*testing.B) func() error { return func() error { return s.client.Get(ctx, "bare").Err() } }},
		{"poll", func(b *testing.B) func() error {
			p := asks(newOpened(b, s))
			return func() error { _, err := s.Poll(ctx, p); return err }
		}},
		{"recheck", func(b *testing.B) func() error {
			p := asks(newOpened(b, s))
			p.Recheck = true
			return func() error { _, err := s.Poll(ctx, p); return err }
		}},
		{"open", func(*testing.B) func() error {
			return func() error { _, err := s.Open(ctx, newRequest(), limits...); return err }
		}},
		{"rotate", func(b *testing.B) func() error {
			q, n := newGrant(b, s), 0
			return func() error { n++; _, err := s.Rotate(ctx, turn(q, n)); return err }
		}},
		{"grant", func(b *testing.B) func() error {
			q := newGrant(b, s)
			return func() error { _, err := s.Grant(ctx, q.SID, "access"); return err }
		}},
	}
}

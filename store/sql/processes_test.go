package sql_test

import (
	"bufio"
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/handclasp/handclasp/store"
	"github.com/handclasp/handclasp/store/sql"
)

// Another server process on the same file is this test program again, told by its environment what to play.
const (
	roleKey = "STORE_SQL_TEST_ROLE"
	pathKey = "STORE_SQL_TEST_PATH"
)

func TestMain(m *testing.M) {
	if role, ok := roles[os.Getenv(roleKey)]; ok {
		if err := role(os.Getenv(pathKey), bufio.NewScanner(os.Stdin)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var roles = map[string]func(path string, in *bufio.Scanner) error{
	"marker":   markForEver,
	"halfway":  stopHalfway,
	"approver": approveWhatIsRead,
}

// process is another process that plays a role.
type process struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func another(t *testing.T, role, path string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), roleKey+"="+role, pathKey+"="+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &process{cmd, in, bufio.NewScanner(out)}
}

// kill is kill -9; what it printed before is read to the end.
func (p *process) kill(t *testing.T) (printed []string) {
	t.Helper()
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for p.out.Scan() {
		printed = append(printed, p.out.Text())
	}
	_ = p.Wait() // it was killed: it cannot end well
	return printed
}

func markForEver(path string, _ *bufio.Scanner) error {
	d, err := sql.Open(context.Background(), sql.Options{Path: path})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		key := fmt.Sprintf("mark-%d-%d", os.Getpid(), i)
		if _, err := d.Mark(context.Background(), key, time.Hour); err != nil {
			return err
		}
		fmt.Println(key)
	}
}

func TestKilledProcessesLoseNothingThatTheyAnswered(t *testing.T) {
	d, path := made(t)
	for range 3 {
		marker, other := another(t, "marker", path), another(t, "marker", path)
		for i := range 40 { // all three write at once
			if first, err := d.Mark(t.Context(), fmt.Sprintf("%s-%d-%d", t.Name(), marker.Process.Pid, i), time.Hour); err != nil || !first {
				t.Fatal(first, err)
			}
		}
		for range 20 {
			if !marker.out.Scan() || !other.out.Scan() {
				t.Fatal("the other processes make no marks")
			}
		}
		answered := slices.Concat(marker.kill(t), other.kill(t))
		for _, key := range answered {
			if first, err := d.Mark(t.Context(), key, time.Hour); err != nil || first {
				t.Fatalf("%s was answered and is gone (%v)", key, err)
			}
		}
		t.Logf("%d marks were answered before the kill", len(answered))
	}
	whole(t, path)
}

func stopHalfway(path string, _ *bufio.Scanner) error {
	db, err := stdsql.Open("sqlite", path+"?_txlock=immediate")
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	for i := range 3000 { // enough for some of it to stand in the file already
		if _, err := tx.Exec(`INSERT INTO marks (name, expires_at) VALUES (?, 9999999999999)`, fmt.Sprintf("halfway-%d-%0500d", i, i)); err != nil {
			return err
		}
	}
	fmt.Println("halfway")
	select {}
}

func TestAKillInMidTransactionLeavesNothingOfIt(t *testing.T) {
	d, path := made(t)
	p := another(t, "halfway", path)
	if !p.out.Scan() {
		t.Fatal("it never came halfway")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := d.Mark(ctx, "meanwhile", time.Hour); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("while another process writes: %v", err)
	}
	p.kill(t)
	reopened := open(t, path, time.Now)
	for _, k := range []*sql.DB{d, reopened} {
		if err := k.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"meanwhile", fmt.Sprintf("halfway-%d-%0500d", 7, 7)} {
		if first, err := reopened.Mark(t.Context(), key, time.Hour); err != nil || !first {
			t.Fatalf("something of what was never committed is there (%v)", err)
		}
	}
	whole(t, path)
}

func whole(t *testing.T, path string) {
	t.Helper()
	db, err := stdsql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		t.Fatalf("the file is %s (%v)", verdict, err)
	}
}

func TestALockedFileAnswersWithinTheContext(t *testing.T) {
	d, path := made(t)
	db, err := stdsql.Open("sqlite", path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	errs := make(chan error)
	go func() { _, err := d.Allow(ctx, store.Limit{Key: "a", Burst: 1, Every: time.Hour}); errs <- err }()
	go func() { _, err := d.Mark(ctx, "a", time.Hour); errs <- err }()
	go func() { _, err := d.Mark(ctx, "b", time.Hour); errs <- err }()
	go func() { _, err := d.Rotate(t.Context(), store.Rotation{SID: "nothing"}); errs <- err }()
	var late, missing int
	for range 4 {
		switch err := <-errs; {
		case errors.Is(err, context.DeadlineExceeded):
			late++
		case errors.Is(err, store.ErrNotFound): // a reader does not wait for writers
			missing++
		default:
			t.Errorf("got %v", err)
		}
	}
	if late != 3 || missing != 1 { // the file is locked still, so nobody has waited for that to end
		t.Errorf("%d late, %d missing", late, missing)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if first, err := d.Mark(t.Context(), "a", time.Hour); err != nil || !first {
		t.Errorf("after the lock was let go: %v, %v", first, err)
	}
	if v, err := d.Allow(t.Context(), store.Limit{Key: "a", Burst: 1, Every: time.Hour}); err != nil || !v.Allowed {
		t.Errorf("after the lock was let go: %v, %v", v, err)
	}
}

func approveWhatIsRead(path string, in *bufio.Scanner) error {
	d, err := sql.Open(context.Background(), sql.Options{Path: path})
	if err != nil {
		return err
	}
	for in.Scan() {
		if err := d.Deny(context.Background(), in.Text(), "browser", store.ReasonUser); err != nil {
			return err
		}
		fmt.Println(in.Text())
	}
	return d.Close()
}

func TestDecisionsOfAnotherProcessWakeQuickly(t *testing.T) {
	d, path := made(t)
	const waiting = 200
	sids, woken := make([]string, waiting), make([]<-chan struct{}, waiting)
	for i := range sids {
		sids[i] = store.NewID(store.SessionPrefix)
		now := time.Now()
		_, err := d.Open(t.Context(), store.Request{SID: sids[i], UserCode: sids[i], CreatedAt: now, ExpiresAt: now.Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Bind(t.Context(), sids[i], "browser", "user"); err != nil {
			t.Fatal(err)
		}
		var stop func()
		woken[i], stop = d.Watch(sids[i])
		defer stop()
	}
	p := another(t, "approver", path)
	var took []time.Duration
	for i, sid := range sids {
		if _, err := fmt.Fprintln(p.in, sid); err != nil {
			t.Fatal(err)
		}
		if !p.out.Scan() {
			t.Fatal("the other process has stopped")
		}
		decided := time.Now()
		select {
		case <-woken[i]:
		case <-time.After(time.Minute):
			t.Fatal("nobody was woken")
		}
		took = append(took, time.Since(decided))
	}
	if err := errors.Join(p.in.Close(), p.Wait()); err != nil {
		t.Fatal(err)
	}
	slices.Sort(took)
	quick, median, worst := took[len(took)/10], took[len(took)/2], took[len(took)-1]
	t.Logf("from the decision in the other process to the waking here: a tenth %v, median %v, worst %v", quick, median, worst)
	// Each decision follows the waking before it, so all of them wait for as long as it takes to listen again. Where the
	// machine is busy with others most of them wait longer than that.
	if quick > 50*time.Millisecond {
		t.Errorf("a tenth took %v", quick)
	}
}

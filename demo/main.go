// Command demo is a whole login, unattended: it starts the server on a free port in a temporary folder, runs the real
// `handclasp login`, plays the person through the real pages and the real mail, and prints each step as it happens. It
// ends with 0 only if every step did what it says.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/handclasp/handclasp/demo/person"
)

const address = "ada@example.test"

func main() {
	bin := flag.String("bin", "bin", "folder of the programs")
	flag.Parse()
	if err := run(*bin); err != nil {
		fmt.Fprintln(os.Stderr, "demo: "+err.Error())
		os.Exit(1)
	}
}

// demo is one run in one temporary folder.
type demo struct {
	bin    string
	folder string
	issuer string
	server *exec.Cmd
	began  time.Time
}

func run(bin string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	folder, err := os.MkdirTemp("", "handclasp-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // a temporary folder
	d := &demo{bin: bin, folder: folder, began: time.Now()}
	if err := d.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop()) }()
	code, login, err := d.login(ctx)
	if err != nil {
		return err
	}
	if err := d.approve(ctx, code, login); err != nil {
		return err
	}
	return d.use(ctx)
}

func (d *demo) say(format string, args ...any) {
	fmt.Printf("%6.2fs  %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...))
}

// start runs the server and waits for its first answer.
func (d *demo) start(ctx context.Context) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	listen := fmt.Sprintf("127.0.0.1:%d", port)
	d.issuer = "http://" + listen
	log, err := os.Create(filepath.Join(d.folder, "server.log"))
	if err != nil {
		return err
	}
	d.server = exec.CommandContext(ctx, filepath.Join(d.bin, "handclaspd"), //nolint:gosec // our own program
		"serve", "--listen", listen, "--data", filepath.Join(d.folder, "data"), "--ops-listen", "none")
	d.server.Stderr, d.server.Stdout = log, log
	if err := d.server.Start(); err != nil {
		return err
	}
	for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		answer, err := get(ctx, d.issuer+"/.well-known/oauth-authorization-server")
		if err == nil && answer == http.StatusOK {
			d.say("the server answers at %s", d.issuer)
			return nil
		}
	}
	text, _ := os.ReadFile(log.Name())
	return fmt.Errorf("the server did not start:\n%s", text)
}

func (d *demo) stop() error {
	if err := d.server.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := d.server.Wait(); err != nil {
		return fmt.Errorf("the server did not stop cleanly: %w", err)
	}
	d.say("the server has stopped")
	return nil
}

// login runs `handclasp login` and returns the code that it shows, and a wait for its end.
func (d *demo) login(ctx context.Context) (code string, wait func() (string, error), err error) {
	d.say("$ handclasp login %s", d.issuer)
	login := d.client(ctx, "login", d.issuer, "--no-browser")
	output := &watched{seen: make(chan string, 1)}
	login.Stdout, login.Stderr = output, output
	if err := login.Start(); err != nil {
		return "", nil, err
	}
	wait = func() (string, error) { err := login.Wait(); return output.String(), err }
	select {
	case code = <-output.seen:
		d.say("the terminal shows the code %s", code)
		return code, wait, nil
	case <-ctx.Done():
		return "", nil, fmt.Errorf("no code was shown: %s", output.String())
	}
}

// approve is the person: signs in with the link of the mail, reads the question, and approves.
func (d *demo) approve(ctx context.Context, code string, wait func() (string, error)) error {
	ada, err := person.New(d.issuer, filepath.Join(d.folder, "data", "outbox"), address)
	if err != nil {
		return err
	}
	if err := ada.SignIn(ctx); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	d.say("%s has signed in with the link of the mail", address)
	question, err := ada.Open(ctx, code)
	if err != nil {
		return err
	}
	if !strings.Contains(question.Text(), code) {
		return fmt.Errorf("the approval page does not show the code:\n%s", question.Text())
	}
	d.say("the page asks: %s", strings.Join(strings.Fields(firstQuestion(question.Text())), " "))
	pressed := time.Now()
	if err := question.Approve(ctx); err != nil {
		return err
	}
	text, err := wait()
	if err != nil {
		return fmt.Errorf("handclasp login: %w\n%s", err, text)
	}
	d.say("approved; the terminal was signed in %d ms after the button", time.Since(pressed).Milliseconds())
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		fmt.Println("         | " + line)
	}
	return nil
}

// use shows that the session is good, and then that it is dead.
func (d *demo) use(ctx context.Context) error {
	who, err := d.output(ctx, "whoami")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(strings.TrimSpace(who), "usr_") {
		return fmt.Errorf("whoami did not print an id: %s", who)
	}
	token, err := d.output(ctx, "token")
	if err != nil {
		return err
	}
	token = strings.TrimSpace(token)
	if status, err := d.me(ctx, token); err != nil || status != http.StatusOK {
		return fmt.Errorf("the token is not taken: %d %w", status, err)
	}
	d.say("the API takes the token")
	if _, err := d.output(ctx, "devices"); err != nil {
		return err
	}
	if _, err := d.output(ctx, "logout"); err != nil {
		return err
	}
	status, err := d.me(ctx, token)
	if err != nil || status != http.StatusUnauthorized {
		return fmt.Errorf("the token should be dead, the API answered %d %w", status, err)
	}
	d.say("the token is dead: the API answers %d", status)
	if out, err := d.client(ctx, "whoami").CombinedOutput(); err == nil {
		return fmt.Errorf("whoami should fail after logout: %s", out)
	}
	return nil
}

func (d *demo) output(ctx context.Context, args ...string) (string, error) {
	d.say("$ handclasp %s", strings.Join(args, " "))
	c := d.client(ctx, args...)
	var errs strings.Builder
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("handclasp %s: %w\n%s%s", args[0], err, out, errs.String())
	}
	for line := range strings.SplitSeq(strings.TrimSpace(string(out)+errs.String()), "\n") {
		if len(line) > 100 {
			line = line[:60] + "…"
		}
		fmt.Println("         | " + line)
	}
	return string(out), nil
}

// client runs handclasp with a home of its own, as on a fresh machine.
func (d *demo) client(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, filepath.Join(d.bin, "handclasp"), args...) //nolint:gosec // our own program
	home := filepath.Join(d.folder, "home")
	c.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "HANDCLASP_KEYRING=off", "NO_COLOR=1"}
	return c
}

func (d *demo) me(ctx context.Context, token string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.issuer+"/v1/me", nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return do(r)
}

func get(ctx context.Context, url string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	return do(r)
}

func do(r *http.Request) (int, error) {
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// firstQuestion is the sentence of the approval page that ends with a question mark.
func firstQuestion(text string) string {
	before, _, _ := strings.Cut(text, "?")
	if i := strings.LastIndex(before, "Let"); i >= 0 {
		before = before[i:]
	}
	return before + "?"
}

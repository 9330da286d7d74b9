package screen

import (
	"bufio"
	"cmp"
	"fmt"
	"sync"
	"time"
)

const frameTime = 120 * time.Millisecond

// Waiting is a line that says what is being waited for. On a terminal it moves.
type Waiting struct {
	screen *Screen
	text   string
	mu     sync.Mutex // one writer at a time
	note   string     // the last one
	// instead is said in place of text until Again; empty: text is.
	instead string
	over    bool
	quit    chan struct{}
	gone    sync.WaitGroup
}

// Wait begins to show that something is being waited for. Stop must follow.
func (s *Screen) Wait(text string) *Waiting {
	w := &Waiting{screen: s, text: text, quit: make(chan struct{})}
	if !s.animated {
		s.Say("%s", text)
		return w
	}
	w.gone.Go(w.turn)
	return w
}

// Note leaves a line above the one that moves. The same note twice in a row is said once.
func (w *Waiting) Note(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over || w.note == text {
		return
	}
	w.note = text
	if w.screen.animated {
		w.write("\r\x1b[K")
	}
	w.screen.Say("%s", text)
}

// Instead puts other words into the line, until Again. Where nothing moves, they are a line of their own, the first time.
func (w *Waiting) Instead(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	if w.instead == "" && !w.screen.animated {
		w.screen.Say("%s", text)
	}
	w.instead = text
}

// Again puts the first words back. Where nothing moves, a line of its own says that it did.
func (w *Waiting) Again(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over || w.instead == "" {
		return
	}
	if !w.screen.animated {
		w.screen.Say("%s", text)
	}
	w.instead = ""
}

// Stop clears the line.
func (w *Waiting) Stop() {
	w.mu.Lock()
	over := w.over
	w.over = true
	w.mu.Unlock()
	if over || !w.screen.animated {
		return
	}
	close(w.quit)
	w.gone.Wait()
	w.write("\r\x1b[K")
}

// Entered repairs the screen after the person pressed Enter: the cursor stands one
// line too low, and the line that moved was left behind.
func (w *Waiting) Entered() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.screen.animated && !w.over {
		w.write("\x1b[1A\r\x1b[K")
	}
}

func (w *Waiting) turn() {
	frames := []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}
	if w.screen.ascii {
		frames = []string{"-", "\\", "|", "/"}
	}
	tick := time.NewTicker(frameTime)
	defer tick.Stop()
	for i := 0; ; i++ {
		w.mu.Lock()
		w.write("\r\x1b[K" + w.screen.fit(frames[i%len(frames)]+" "+cmp.Or(w.instead, w.text)))
		w.mu.Unlock()
		select {
		case <-w.quit:
			return
		case <-tick.C:
		}
	}
}

func (w *Waiting) write(text string) {
	_, _ = fmt.Fprint(w.screen.err, text) // a terminal that went away shows nothing
}

// OnEnter calls back, each time from a goroutine of its own, when the person presses Enter; a later call takes the place
// of an earlier one. A read from a terminal cannot be called off, so there is one reader, which lives as long as the program.
func (s *Screen) OnEnter(do func()) {
	if !s.Interactive {
		return
	}
	if s.entered.Swap(&do) == nil {
		stayInBackground()
		go s.readLines()
	}
}

func (s *Screen) readLines() {
	lines := bufio.NewReader(s.in)
	for {
		if _, err := lines.ReadString('\n'); err != nil {
			return
		}
		go (*s.entered.Load())()
	}
}

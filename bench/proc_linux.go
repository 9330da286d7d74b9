package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// cpuOf is the time that a process has computed so far, in its own code and in the kernel's, all threads together. It
// reads the process's own clock, which counts nanoseconds where /proc counts hundredths of a second.
func cpuOf(pid int) (time.Duration, error) {
	const schedClock = 2 // CPUCLOCK_SCHED of linux/posix-timers.h, for a whole process
	var at unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|schedClock), &at); err != nil { //nolint:gosec // a pid has 22 bits
		return 0, fmt.Errorf("read the clock of process %d: %w", pid, err)
	}
	return time.Duration(at.Nano()), nil
}

// resident is what of a process lies in memory: everything, and what no file is behind, in megabytes.
func resident(pid int) (all, anonymous float64, err error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, 0, err
	}
	defer file.Close() //nolint:errcheck // only read
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) != 3 || fields[2] != "kB" {
			continue
		}
		size, err := strconv.ParseFloat(fields[1], 64)
		if err != nil {
			return 0, 0, err
		}
		switch fields[0] {
		case "Rss:":
			all = size / 1024
		case "Anonymous:":
			anonymous = size / 1024
		}
	}
	return all, anonymous, lines.Err()
}

func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

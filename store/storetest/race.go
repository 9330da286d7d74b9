package storetest

import "sync"

// race runs do n times at once, all from one starting shot, and returns what each came back with.
func race[T any](n int, do func(i int) T) []T {
	results := make([]T, n)
	shot := make(chan struct{})
	var runners sync.WaitGroup
	for i := range n {
		runners.Go(func() {
			<-shot
			results[i] = do(i)
		})
	}
	close(shot)
	runners.Wait()
	return results
}

// count tells how many of results please.
func count[T any](results []T, pleases func(T) bool) int {
	n := 0
	for _, r := range results {
		if pleases(r) {
			n++
		}
	}
	return n
}

// won reports whether a racer came back without an error.
func won(err error) bool { return err == nil }

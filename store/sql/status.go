package sql

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/handclasp/handclasp/store"
)

// indexTries is how often a free place is sought in the newest list before another one is begun: at about half full.
const indexTries = 8

// insertSession writes the row, and claims a place in a status list for what has access tokens. The unique index decides. The
// place is random within the newest list, so that neighbours tell nothing of who signed in when.
func insertSession(ctx context.Context, tx *runner, s store.Session) (int64, error) {
	if s.Kind != store.KindDevice {
		_, err := insertAt(ctx, tx, s, 0)
		return 0, err
	}
	list, err := newestList(ctx, tx)
	if err != nil {
		return 0, err
	}
	for try := range 2 * indexTries {
		if try == indexTries {
			list++
		}
		index := max(1, list*store.StatusListSize+rand.Int64N(store.StatusListSize))
		if done, err := insertAt(ctx, tx, s, index); err != nil || done {
			return index, err
		}
	}
	return 0, errors.New("no free place in a status list found")
}

func newestList(ctx context.Context, r *runner) (int64, error) {
	var last int64
	err := r.one(ctx, `SELECT COALESCE(MAX(status_index), 0) FROM sessions WHERE status_index <> 0`, nil, &last)
	return last / store.StatusListSize, err
}

// EndedIndexes implements store.Records. Each half of it walks an index of its own.
func (d *DB) EndedIndexes(ctx context.Context, since time.Time) (indexes []int64, newest int64, err error) {
	indexes, err = all(ctx, d.read, number,
		`SELECT status_index FROM sessions WHERE ended_at <> 0 AND grant_gone_at = 0 AND status_index <> 0
		UNION ALL SELECT status_index FROM sessions WHERE grant_gone_at <> 0 AND grant_gone_at >= $1 AND status_index <> 0`, ms(since))
	if err != nil {
		return nil, 0, err
	}
	newest, err = newestList(ctx, d.read)
	return indexes, newest, err
}

// number reads a row of one BIGINT column.
func number(row scanner) (n int64, err error) {
	err = row.Scan(&n)
	return n, err
}

package sql

import (
	"context"
	"errors"

	"github.com/handclasp/handclasp/store"
)

const linkColumns = `id, device, mail, code, email, return_to, address, created_at, expires_at, app`

func scanLink(row scanner) (l store.Link, err error) {
	err = row.Scan(&l.ID, &l.Device, &l.Mail, &l.Code, &l.Email, &l.ReturnTo, &l.Address, timeInto(&l.CreatedAt), timeInto(&l.ExpiresAt), &l.App)
	return l, err
}

// PutLink implements store.Tickets. It is a hard write: the link that it replaces must not come back.
func (d *DB) PutLink(ctx context.Context, l store.Link) error {
	return d.hard.write(ctx, func(ctx context.Context, tx *runner) error {
		_, err := tx.exec(ctx, `INSERT INTO links (`+linkColumns+`, wrong) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)
			ON CONFLICT (id) DO UPDATE SET device = excluded.device, mail = excluded.mail, code = excluded.code,
				email = excluded.email, return_to = excluded.return_to, address = excluded.address,
				created_at = excluded.created_at, expires_at = excluded.expires_at, app = excluded.app, wrong = 0`,
			l.ID, l.Device, l.Mail, l.Code, l.Email, l.ReturnTo, l.Address, ms(l.CreatedAt), ms(l.ExpiresAt), l.App)
		return err
	})
}

// Link implements store.Tickets.
func (d *DB) Link(ctx context.Context, id, mail string) (store.Link, error) {
	return single(ctx, d.read, scanLink, `SELECT `+linkColumns+` FROM links
		WHERE id = $1 AND mail = $2 AND mail <> '' AND expires_at > $3`, id, mail, ms(d.now()))
}

// LinkOf implements store.Tickets.
func (d *DB) LinkOf(ctx context.Context, id, device string) (store.Link, error) {
	return single(ctx, d.read, scanLink, `SELECT `+linkColumns+` FROM links
		WHERE id = $1 AND device = $2 AND device <> '' AND expires_at > $3`, id, device, ms(d.now()))
}

// TakeLink implements store.Tickets.
func (d *DB) TakeLink(ctx context.Context, t store.LinkTry) (store.Link, error) {
	l, err := answer(ctx, d.hard, func(ctx context.Context, tx *runner) (store.Link, error) {
		now := ms(d.now())
		// Every half that is given must fit, and one beside the asker's must be given.
		l, err := single(ctx, tx, scanLink, `DELETE FROM links WHERE id = $1 AND expires_at > $2 AND device <> '' AND device = $3
			AND ($4 <> '' OR $5 <> '') AND ($4 = '' OR mail = $4) AND ($5 = '' OR code = $5)
			RETURNING `+linkColumns, t.ID, now, t.Device, t.Mail, t.Code)
		if errors.Is(err, store.ErrNotFound) {
			return l, wrongHalf(ctx, tx, t.ID, now)
		}
		return l, err
	})
	if err == nil && l.ID == "" {
		err = store.ErrWrong // a refusal that had to be committed: it was counted
	}
	return l, err
}

// wrongHalf counts a try that did not fit; the last one ends the link.
func wrongHalf(ctx context.Context, tx *runner, id string, now int64) error {
	n, err := tx.exec(ctx, `UPDATE links SET wrong = wrong + 1 WHERE id = $1 AND expires_at > $2`, id, now)
	if err != nil {
		return err
	}
	if n == 0 {
		return store.ErrNotFound
	}
	_, err = tx.exec(ctx, `DELETE FROM links WHERE id = $1 AND wrong >= $2`, id, store.WrongHalves)
	return err
}
